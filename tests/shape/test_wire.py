"""The wire is said once: in the table of endpoints."""

import re
from collections import Counter

import perdure.core.storage_errors  # noqa: F401 - its classes belong to the tree of errors
from perdure.core import errors
from perdure.server.app import HANDLERS
from perdure.wire.endpoints import ENDPOINTS
from perdure.wire.openapi import openapi


def test_each_endpoint_has_exactly_one_handler():
    handled = Counter(handler.endpoint.name for handler in HANDLERS)

    assert handled == Counter(endpoint.name for endpoint in ENDPOINTS)


def test_no_two_endpoints_have_one_name_or_one_place():
    assert max(Counter(endpoint.name for endpoint in ENDPOINTS).values()) == 1
    assert max(Counter((endpoint.method, endpoint.path) for endpoint in ENDPOINTS).values()) == 1


def test_a_handler_takes_the_parameters_of_its_path():
    for handler in HANDLERS:
        parameters = re.findall(r"{(\w+)}", handler.endpoint.path)
        code = handler.function.__code__  # type: ignore[attr-defined]
        assert list(code.co_varnames[2 : code.co_argcount]) == parameters, handler.endpoint.name


def test_the_openapi_document_has_each_endpoint_and_no_other():
    document = openapi(ENDPOINTS, version="0")
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}

    assert described == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}


def test_each_error_has_a_code_of_its_own():
    codes = Counter(kind.code for kind in _tree(errors.PerdureError))

    assert [code for code, count in codes.items() if count > 1] == []


def _tree(root: type[errors.PerdureError]) -> list[type[errors.PerdureError]]:
    return [root] + [leaf for child in root.__subclasses__() for leaf in _tree(child)]
