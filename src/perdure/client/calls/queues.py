"""What is asked of queues."""

from collections.abc import Mapping
from typing import Any

from perdure.client.call import Call, query
from perdure.client.options import duration_text
from perdure.core.duration import Duration, to_milliseconds
from perdure.core.errors import BadOption
from perdure.wire import endpoints, queues
from perdure.wire.queues import MAX_LIMIT


def page(filters: Mapping[str, Any]) -> Call[queues.QueueFilter, queues.QueuePage]:
    """Get a page of queues."""
    given = query(filters, ("page", "per_page"))
    return Call(endpoints.queues.LIST_QUEUES, queues.QueueFilter(**given))


def retrieve(queue: Any) -> Call[queues.QueueChoice, queues.Queue]:
    """Get a queue."""
    return Call(endpoints.queues.RETRIEVE_QUEUE, queues.QueueChoice(), _path(queue))


def keys(queue: Any, limit: int) -> Call[queues.KeyChoice, queues.QueueKeys]:
    """Get a queue with its busiest keys."""
    if not 1 <= limit <= 100:
        raise BadOption(option="limit", value=limit, expected="1 to 100")
    return Call(endpoints.queues.QUEUE_KEYS, queues.KeyChoice(limit=limit), _path(queue))


def pause(queue: Any, action: queues.Action) -> Call[queues.PauseQueue, queues.Queue]:
    """Pause or resume a queue."""
    return Call(endpoints.queues.PAUSE_QUEUE, queues.PauseQueue(action=action), _path(queue))


def override(queue: Any, limit: int) -> Call[queues.OverrideLimit, queues.Queue]:
    """Override a queue's limit."""
    body = queues.OverrideLimit(concurrency_limit=_limit(limit))
    return Call(endpoints.queues.OVERRIDE_LIMIT, body, _path(queue))


def reset(queue: Any) -> Call[queues.QueueChoice, queues.Queue]:
    """Reset a queue's limit."""
    return Call(endpoints.queues.RESET_LIMIT, queues.QueueChoice(), _path(queue))


def environment() -> Call[Any, queues.EnvironmentLoad]:
    """Get the environment."""
    return Call(endpoints.queues.RETRIEVE_ENVIRONMENT)


def pause_environment(action: queues.Action) -> Call[queues.PauseEnvironment, queues.EnvironmentLoad]:
    """Pause or resume the environment."""
    return Call(endpoints.queues.PAUSE_ENVIRONMENT, queues.PauseEnvironment(action=action))


def set_default_ttl(ttl: Duration | None) -> Call[queues.SetDefaultTtl, queues.EnvironmentLoad]:
    """Set the environment's TTL."""
    given = None if ttl is None else 0 if to_milliseconds(ttl) == 0 else duration_text(ttl)
    return Call(endpoints.queues.SET_DEFAULT_TTL, queues.SetDefaultTtl(ttl=given))


def limit_environment(
    limit: int | None, burst_factor: float | None
) -> Call[queues.LimitEnvironment, queues.EnvironmentLoad]:
    """Set the environment's limit."""
    given: dict[str, Any] = {"concurrency_limit": None if limit is None else _limit(limit)}
    if burst_factor is not None:
        if not 1 <= burst_factor <= 100:
            raise BadOption(option="burst_factor", value=burst_factor, expected="a number from 1 to 100")
        given["burst_factor"] = burst_factor
    return Call(endpoints.queues.LIMIT_ENVIRONMENT, queues.LimitEnvironment(**given))


def _limit(limit: int) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= MAX_LIMIT:
        raise BadOption(
            option="concurrency_limit",
            value=limit,
            expected=f"a whole number from 0, which starts nothing, to {MAX_LIMIT}",
        )
    return limit


def _path(queue: Any) -> dict[str, str]:
    """Return the path of a queue: by its id, its name (`task/<id>` of a task's own), or itself."""
    name = getattr(queue, "name", queue)
    return {"queue": str(name).replace("/", "%2F")}
