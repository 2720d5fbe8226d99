"""What each method of the clients asks for: an endpoint, its body and its path.

Said once, so that `Client` and `AsyncClient` differ only in how they wait.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic

from pydantic_core import to_jsonable_python

from perdure.client.idempotency import Scope, make_key
from perdure.client.options import make_options, moment_or_duration, whole_seconds
from perdure.core.duration import Duration
from perdure.core.names import check_options
from perdure.wire import endpoints, runs, waits, workers
from perdure.wire.auth import Claims, EnvironmentIdentity
from perdure.wire.endpoint import Endpoint, In, Out


@dataclass(frozen=True)
class Call(Generic[In, Out]):
    """One call of an endpoint."""

    endpoint: Endpoint[In, Out]
    body: In | None = None
    path: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """Between a run and the one it triggers."""

    #: the run that triggers
    parent: str
    #: whether it waits for the result
    is_awaited: bool = False
    #: what the child is known by in its parent
    implicit_key: str | None = None


def trigger(
    task: str, payload: Any, options: Mapping[str, Any], link: Link | None = None
) -> Call[runs.TriggerRun, runs.Triggered]:
    """Trigger a task by its id; `link` is to the run that triggers it, if one does."""
    made = make_options(options)
    if link is not None:
        update = {
            "parent_run_id": link.parent,
            "resume_parent_on_completion": link.is_awaited or None,
            "implicit_key": link.implicit_key,
        }
        made = made.model_copy(update={name: value for name, value in update.items() if value is not None})
    body = runs.TriggerRun(payload=to_jsonable_python(payload), options=made)
    return Call(endpoints.TRIGGER, body, {"task": task})


def retrieve(run: str) -> Call[Any, runs.Run]:
    """Get a run in full."""
    return Call(endpoints.RETRIEVE_RUN, None, {"run": run})


_FILTERS = (
    "status", "task", "version", "tag", "bulk_action", "schedule", "is_test", "created_from",
    "created_to", "period", "batch", "queue", "machine", "region", "root", "parent", "size", "after",
)  # fmt: skip


def list_runs(filters: Mapping[str, Any]) -> Call[runs.RunFilter, runs.RunPage]:
    """Get a page of runs."""
    check_options(filters, _FILTERS)
    texts = {name: _filter_value(value) for name, value in filters.items() if value is not None}
    return Call(endpoints.LIST_RUNS, runs.RunFilter(**texts))


def cancel(run: str) -> Call[Any, runs.RunId]:
    """Cancel a run and its unfinished children."""
    return Call(endpoints.CANCEL_RUN, None, {"run": run})


def replay(run: str, changes: Mapping[str, Any]) -> Call[runs.ReplayRun, runs.RunId]:
    """Trigger a new run like this one."""
    options = make_options({name: value for name, value in changes.items() if name != "payload"})
    given = options.model_dump(exclude_unset=True, exclude={"idempotency_key_options"})
    version = given.pop("lock_to_version", None)
    queue = given.pop("queue", None)
    body = runs.ReplayRun(
        **given,
        **({"version": version} if version else {}),
        **({"queue": queue["name"]} if queue else {}),
        **({"payload": to_jsonable_python(changes["payload"])} if "payload" in changes else {}),
    )
    return Call(endpoints.REPLAY_RUN, body, {"run": run})


def reschedule(run: str, delay: Duration | datetime) -> Call[runs.RescheduleRun, runs.Run]:
    """Change when a delayed run starts."""
    body = runs.RescheduleRun(delay=moment_or_duration(delay))
    return Call(endpoints.RESCHEDULE_RUN, body, {"run": run})


def result(run: str, wait: float) -> Call[runs.ResultQuery, runs.RunResult]:
    """Get how a run ended."""
    return Call(endpoints.RUN_RESULT, runs.ResultQuery(wait=wait), {"run": run})


def events(run: str, after: int, wait: float) -> Call[runs.EventQuery, runs.Events]:
    """Get what happened in a run."""
    return Call(endpoints.RUN_EVENTS, runs.EventQuery(after=after, wait=wait), {"run": run})


def add_tags(run: str, tags: list[str]) -> Call[runs.AddTags, runs.Message]:
    """Add tags to a run."""
    return Call(endpoints.ADD_TAGS, runs.AddTags(tags=tags), {"run": run})


def get_metadata(run: str) -> Call[Any, runs.Metadata]:
    """Get a run's metadata."""
    return Call(endpoints.GET_METADATA, None, {"run": run})


def update_metadata(run: str, change: runs.UpdateMetadata) -> Call[runs.UpdateMetadata, runs.Metadata]:
    """Change a run's metadata."""
    return Call(endpoints.UPDATE_METADATA, change, {"run": run})


def reset_key(
    task: str, key: str, scope: Scope, run: str | None, attempt: int | None
) -> Call[runs.ResetKey, runs.KeyReset]:
    """Forget an idempotency key."""
    made = make_key(key, scope, run, attempt)
    return Call(endpoints.RESET_KEY, runs.ResetKey(task_identifier=task), {"key": made.hash})


def create_token(options: Mapping[str, Any]) -> Call[waits.CreateToken, waits.CreatedToken]:
    """Make a token."""
    check_options(options, ("timeout", "tags", "idempotency_key", "idempotency_key_ttl"))
    given = {name: value for name, value in options.items() if value is not None}
    if "timeout" in given:
        given["timeout"] = moment_or_duration(given["timeout"])
    if "idempotency_key_ttl" in given:
        given["idempotency_key_ttl"] = whole_seconds(given["idempotency_key_ttl"])
    return Call(endpoints.CREATE_TOKEN, waits.CreateToken(**given))


def retrieve_token(token: str) -> Call[Any, waits.Token]:
    """Get a token."""
    return Call(endpoints.RETRIEVE_TOKEN, None, {"token": token})


def list_tokens(filters: Mapping[str, Any]) -> Call[waits.TokenFilter, waits.TokenPage]:
    """Get a page of tokens."""
    check_options(filters, _TOKEN_FILTERS)
    texts = {name: _filter_value(value) for name, value in filters.items() if value is not None}
    return Call(endpoints.LIST_TOKENS, waits.TokenFilter(**texts))


_TOKEN_FILTERS = (
    "status", "idempotency_key", "tags", "created_from", "created_to", "period", "size", "after",
)  # fmt: skip


def complete_token(token: str, data: Any) -> Call[waits.CompleteToken, waits.Completed]:
    """Complete a token."""
    body = waits.CompleteToken(data=to_jsonable_python(data))
    return Call(endpoints.COMPLETE_TOKEN, body, {"token": token})


def tasks() -> Call[Any, workers.Tasks]:
    """List the tasks."""
    return Call(endpoints.LIST_TASKS)


def list_workers() -> Call[Any, workers.Workers]:
    """List the workers."""
    return Call(endpoints.LIST_WORKERS)


def whoami() -> Call[Any, EnvironmentIdentity]:
    """Tell which environment the key belongs to."""
    return Call(endpoints.WHO_AM_I)


def claims() -> Call[Any, Claims]:
    """Get the claims of a public token."""
    return Call(endpoints.JWT_CLAIMS)


def _filter_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (list, tuple, set)):
        return ",".join(map(str, value))
    return value
