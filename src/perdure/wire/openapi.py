"""The endpoints as OpenAPI 3.1, from the one table."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from perdure.wire.endpoint import Audience, Endpoint
from perdure.wire.model import Model, Nothing
from perdure.wire.problem import Problem

_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"{(\w+)}")

_SECURITY: dict[Audience, list[dict[str, list[str]]]] = {
    Audience.PUBLIC: [{"secretKey": []}, {"publicToken": []}],
    Audience.SECRET: [{"secretKey": []}],
    Audience.WORKER: [{"secretKey": []}],
    Audience.OPEN: [],
}

_SECURITY_SCHEMES = {
    "secretKey": {"type": "http", "scheme": "bearer", "description": "An environment's key, `tr_dev_…`."},
    "publicToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A public access token with a scope that covers the call.",
    },
}


def openapi(endpoints: Sequence[Endpoint], *, version: str) -> dict[str, Any]:
    """Return the OpenAPI document of these endpoints.

    Args:
        endpoints: what to describe, in this order.
        version: of Perdure.
    """
    references, schemas = _schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, references)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Perdure", "version": version, "description": "Durable background jobs."},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SECURITY_SCHEMES},
    }


def _schemas(endpoints: Sequence[Endpoint]) -> tuple[Any, dict[str, Any]]:
    """Return a reference for each model and mode, and the schemas they point to."""
    wanted = {(endpoint.takes, "validation") for endpoint in endpoints if endpoint.method != "GET"}
    wanted |= {(endpoint.gives, "serialization") for endpoint in endpoints} | {(Problem, "serialization")}
    ordered: Any = sorted(wanted, key=lambda pair: (pair[0].__name__, pair[1]))
    references, document = models_json_schema(ordered, ref_template=_REF)
    return references, document["$defs"]


def _operation(endpoint: Endpoint, references: Any) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "tags": [endpoint.audience.value],
        "security": _SECURITY[endpoint.audience],
        "responses": _responses(endpoint, references),
    }
    parameters = [_path_parameter(name) for name in _PARAMETER.findall(endpoint.path)]
    if endpoint.method == "GET":
        parameters += _query_parameters(endpoint.takes)
    elif endpoint.takes is not Nothing:
        content = {endpoint.media_type: {"schema": references[endpoint.takes, "validation"]}}
        operation["requestBody"] = {"required": not endpoint.optional_body, "content": content}
    if parameters:
        operation["parameters"] = parameters
    return operation


def _responses(endpoint: Endpoint, references: Any) -> dict[str, Any]:
    good = {"schema": references[endpoint.gives, "serialization"]}
    kinds = dict.fromkeys(("application/json", endpoint.answers), good)
    bad = {"schema": references[Problem, "serialization"]}
    responses = {str(endpoint.status): {"description": "Done.", "content": kinds}}
    for status in endpoint.errors:
        responses[str(status)] = {"description": _WORDS[status], "content": {"application/json": bad}}
    return responses


_WORDS = {
    400: "The request can't be understood.",
    401: "The key is missing or wrong.",
    403: "The token does not allow this.",
    404: "There is no such thing in this environment.",
    413: "The body is too large.",
    415: "The body has another content type than it must have.",
    429: "Too many are open, or too many came.",
    422: "Understood, but it can't be done.",
    503: "Try again: the server is stopping, or its database can't be reached.",
}


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(model: type[Model]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field}
        for name, field in schema.get("properties", {}).items()
    ]
