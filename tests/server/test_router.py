"""Paths stay encoded until their segments are told apart."""

import pytest

from perdure.core.errors import Invalid
from perdure.server.request import Request
from perdure.server.router import Found, Route, Router


async def _answer(request: Request, found: Found):
    raise NotImplementedError


def _route(method: str, path: str) -> Route:
    return Route(name=f"{method} {path}", method=method, path=path, answer=_answer)


ROUTER = Router(
    [
        _route("POST", "/api/v1/tasks/{task}/trigger"),
        _route("GET", "/api/v1/tasks"),
        _route("GET", "/api/v1/runs/{run}"),
        _route("GET", "/api/v1/runs/{run}/spans/{span}"),
        _route("GET", "/api/v1/runs/newest"),
        _route("PUT", "/api/v1/runs/{run}/metadata"),
        _route("GET", "/api/v1/runs/{run}/metadata"),
    ]
)


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        (b"/api/v1/tasks/hello/trigger", {"task": "hello"}),
        (b"/api/v1/tasks/ns%2Fhe%20llo/trigger", {"task": "ns/he llo"}),
        (b"/api/v1/tasks/100%2525/trigger", {"task": "100%25"}),
        (b"/api/v1/tasks/%C3%BCber/trigger", {"task": "über"}),
        (b"/api/v1/runs/newest", {}),
        (b"/api/v1/runs/newest/spans/1", {"run": "newest", "span": "1"}),
    ],
)
def test_a_parameter_is_one_encoded_segment(path: bytes, parameters: dict[str, str]):
    found = ROUTER.find(path)

    assert found is not None
    assert found.decode() == parameters


@pytest.mark.parametrize(
    "path", [b"/", b"/api/v1", b"/api/v1/tasks/a/b/trigger", b"/api/v1/tasks/", b"api/v1/tasks", b""]
)
def test_another_path_leads_nowhere(path: bytes):
    assert ROUTER.find(path) is None


@pytest.mark.parametrize("task", [b"", b"%00", b"%FF%FE"])
def test_a_parameter_that_is_no_text_is_refused(task: bytes):
    found = ROUTER.find(b"/api/v1/tasks/" + task + b"/trigger")

    assert found is not None
    with pytest.raises(Invalid, match="Params Error"):
        found.decode()


def test_one_path_has_a_route_for_each_method():
    found = ROUTER.find(b"/api/v1/runs/run_1/metadata")

    assert found is not None
    assert sorted(found.routes) == ["GET", "PUT"]
