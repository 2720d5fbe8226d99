"""From an error to the answer that tells of it: one body everywhere, `wire.problem.Problem`."""

import logging
import secrets
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from perdure.core.errors import Forbidden, Invalid, NotFound, PerdureError, ServerStopping
from perdure.wire.problem import Problem

log = logging.getLogger("perdure.server")


def answer(error: Exception) -> Response:
    """Return the answer to a request that raised this.

    What is the server's own fault is logged with its trace, and told without any of it: the answer
    carries a reference to look for in the log.
    """
    if isinstance(error, ServerStopping):
        return respond(Problem.of(error), error.status, {"retry-after": "1"})
    if not isinstance(error, PerdureError) or error.status >= 500:
        return _fault(error)
    headers = {}
    if isinstance(error, NotFound) or error.status == 409:
        headers["x-should-retry"] = "false"  # asking again would not help, and the official client would
    problem = Problem.of(error)
    if isinstance(error, Forbidden):
        problem = problem.model_copy(update=_OFFICIAL_FORBIDDEN)
    return respond(problem, error.status, headers)


# Programs written against the official server look for these.
_OFFICIAL_FORBIDDEN = {"code": "unauthorized", "param": "access_token", "type": "authorization"}


def respond(problem: Problem, status: int, headers: dict[str, str] | None = None) -> Response:
    """Return an error answer."""
    return Response(problem.to_json(), status, headers, media_type="application/json")


def _fault(error: Exception) -> Response:
    reference = secrets.token_hex(6)
    status, code = (error.status, error.code) if isinstance(error, PerdureError) else (500, "internal")
    log.error("A request failed (reference %s)", reference, exc_info=error)
    said = "The database can't be used now" if status == 503 else "Something went wrong in the server"
    return respond(
        Problem(error=f"{said}; its log tells more under reference {reference}.", code=code), status
    )


def invalid_query(error: ValidationError) -> Invalid:
    """Return the error for a query that does not fit its model."""
    return Invalid("Query Error", details=_details(error))


def invalid_body(error: ValidationError) -> Invalid:
    """Return the error for a body that is no JSON, or does not fit its model."""
    text, details = told(error)
    if any(problem["code"] == "json_invalid" for problem in details):
        return Invalid("Invalid JSON", details=details)
    return Invalid(f"Validation error: {text}", details=details)


def told(error: ValidationError) -> tuple[str, list[dict[str, Any]]]:
    """Return what is wrong with a value, as a sentence and one by one."""
    details = _details(error)
    text = "; ".join(f"{d['path']}: {d['message']}" if d["path"] else d["message"] for d in details)
    return text, details


def _details(error: ValidationError) -> list[dict[str, Any]]:
    """Say what is wrong where; never what was sent, which may be a secret."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    return [{"path": ".".join(map(str, p["loc"])), "message": p["msg"], "code": p["type"]} for p in problems]
