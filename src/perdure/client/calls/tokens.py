"""What is asked of tokens."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_jsonable_python

from perdure.client.call import Call, query
from perdure.client.options import moment_or_duration, whole_seconds
from perdure.core.names import check_options
from perdure.wire import endpoints, waits


def create(options: Mapping[str, Any]) -> Call[waits.CreateToken, waits.CreatedToken]:
    """Make a token."""
    check_options(options, ("timeout", "tags", "idempotency_key", "idempotency_key_ttl"))
    given = {name: value for name, value in options.items() if value is not None}
    if "timeout" in given:
        given["timeout"] = moment_or_duration(given["timeout"])
    if "idempotency_key_ttl" in given:
        given["idempotency_key_ttl"] = whole_seconds(given["idempotency_key_ttl"])
    return Call(endpoints.tokens.CREATE_TOKEN, waits.CreateToken(**given))


def retrieve(token: str) -> Call[Any, waits.Token]:
    """Get a token."""
    return Call(endpoints.tokens.RETRIEVE_TOKEN, None, {"token": token})


def page(filters: Mapping[str, Any]) -> Call[waits.TokenFilter, waits.TokenPage]:
    """Get a page of tokens."""
    return Call(endpoints.tokens.LIST_TOKENS, waits.TokenFilter(**query(filters, _FILTERS)))


_FILTERS = (
    "status", "idempotency_key", "tags", "created_from", "created_to", "period", "size", "after",
)  # fmt: skip


def complete(token: str, data: Any) -> Call[waits.CompleteToken, waits.Completed]:
    """Complete a token."""
    body = waits.CompleteToken(data=to_jsonable_python(data))
    return Call(endpoints.tokens.COMPLETE_TOKEN, body, {"token": token})
