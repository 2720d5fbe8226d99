"""What is asked of runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from perdure.client.call import Call, query
from perdure.client.idempotency import Scope, make_key
from perdure.client.options import make_options, moment_or_duration
from perdure.core.duration import Duration
from perdure.core.errors import BadOption
from perdure.wire import endpoints, runs, waits
from perdure.wire.why import Why


@dataclass(frozen=True)
class Link:
    """Between a run and the one it triggers."""

    #: the run that triggers
    parent: str
    #: whether it waits for the result
    is_awaited: bool = False
    #: what the child is known by in its parent
    implicit_key: str | None = None
    #: the version of the parent, which the child runs on unless an option names another
    version: str | None = None
    #: the place in the parent's trace, where the server does not know it
    traceparent: str | None = None


def trigger(
    task: str, payload: Any, options: Mapping[str, Any], link: Link | None = None
) -> Call[runs.TriggerRun, runs.Triggered]:
    """Trigger a task by its id; `link` is to the run that triggers it, if one does."""
    made = make_options(options)
    if link is not None:
        update = {
            **lock(link.version, made),
            "parent_run_id": link.parent,
            "resume_parent_on_completion": link.is_awaited or None,
            "implicit_key": link.implicit_key,
            "traceparent": link.traceparent,
        }
        made = made.model_copy(update={name: value for name, value in update.items() if value is not None})
    body = runs.TriggerRun(payload=to_jsonable_python(payload), options=made)
    return Call(endpoints.runs.TRIGGER, body, {"task": task})


def lock(version: str | None, chosen: runs.TriggerOptions) -> dict[str, Any]:
    """Return the options that lock a run to its parent's version, unless one was chosen."""
    if version is None or chosen.lock_to_version is not None:
        return {}
    return {"lock_to_version": version, "lock_with_parent": True}


def retrieve(run: str) -> Call[Any, runs.Run]:
    """Get a run in full."""
    return Call(endpoints.runs.RETRIEVE_RUN, None, {"run": run})


_FILTERS = (
    "status", "task", "version", "tag", "bulk_action", "schedule", "is_test", "created_from",
    "created_to", "period", "batch", "queue", "machine", "region", "root", "parent", "size", "after",
)  # fmt: skip


def list_runs(filters: Mapping[str, Any]) -> Call[runs.RunFilter, runs.RunPage]:
    """Get a page of runs."""
    return Call(endpoints.runs.LIST_RUNS, runs.RunFilter(**query(filters, _FILTERS)))


def cancel(run: str) -> Call[Any, runs.RunId]:
    """Cancel a run and its unfinished children."""
    return Call(endpoints.runs.CANCEL_RUN, None, {"run": run})


def snapshots(run: str) -> Call[Any, waits.Snapshots]:
    """Get the stored states of a run."""
    return Call(endpoints.runs.RUN_SNAPSHOTS, None, {"run": run})


def begin_at(state: str | int | None, locals: Mapping[str, Any] | None) -> waits.RestoreFrom | None:
    """Return where a replay begins, or None for the top.

    Raises:
        BadOption: locals are to change, and there is no state that they are in.
    """
    if state is not None:
        return waits.RestoreFrom(snapshot=str(state), locals=to_jsonable_python(dict(locals or {})))
    if locals:
        raise BadOption(
            option="locals", value=locals, expected="from_ beside it: a checkpoint's key, a number or 'last'"
        )
    return None


def replay(
    run: str, changes: Mapping[str, Any], begin: waits.RestoreFrom | None = None
) -> Call[runs.ReplayRun, runs.RunId]:
    """Trigger a new run like this one; `begin` is where, if not at the top."""
    options = make_options({name: value for name, value in changes.items() if name != "payload"})
    given = options.model_dump(exclude_unset=True, exclude={"idempotency_key_options"})
    version = given.pop("lock_to_version", None)
    queue = given.pop("queue", None)
    if begin is not None:
        given["begin"] = begin
    body = runs.ReplayRun(
        **given,
        **({"version": version} if version else {}),
        **({"queue": queue["name"]} if queue else {}),
        **({"payload": to_jsonable_python(changes["payload"])} if "payload" in changes else {}),
    )
    return Call(endpoints.runs.REPLAY_RUN, body, {"run": run})


def reschedule(run: str, delay: Duration | datetime) -> Call[runs.RescheduleRun, runs.Run]:
    """Change when a delayed run starts."""
    body = runs.RescheduleRun(delay=moment_or_duration(delay))
    return Call(endpoints.runs.RESCHEDULE_RUN, body, {"run": run})


def bump(run: str) -> Call[Any, runs.RunId]:
    """Put a run first in its queue."""
    return Call(endpoints.runs.BUMP_RUN, None, {"run": run})


def why(run: str) -> Call[Any, Why]:
    """Tell why a run is not running."""
    return Call(endpoints.runs.RUN_WHY, None, {"run": run})


def result(run: str, wait: float) -> Call[runs.ResultQuery, runs.RunResult]:
    """Get how a run ended."""
    return Call(endpoints.runs.RUN_RESULT, runs.ResultQuery(wait=wait), {"run": run})


def events(run: str, after: int, wait: float) -> Call[runs.EventQuery, runs.Events]:
    """Get what happened in a run."""
    return Call(endpoints.runs.RUN_EVENTS, runs.EventQuery(after=after, wait=wait), {"run": run})


def add_tags(run: str, tags: list[str]) -> Call[runs.AddTags, runs.Message]:
    """Add tags to a run."""
    return Call(endpoints.runs.ADD_TAGS, runs.AddTags(tags=tags), {"run": run})


def get_metadata(run: str) -> Call[Any, runs.Metadata]:
    """Get a run's metadata."""
    return Call(endpoints.runs.GET_METADATA, None, {"run": run})


def update_metadata(run: str, change: runs.UpdateMetadata) -> Call[runs.UpdateMetadata, runs.Metadata]:
    """Change a run's metadata."""
    return Call(endpoints.runs.UPDATE_METADATA, change, {"run": run})


def reset_key(
    task: str, key: str, scope: Scope, run: str | None, attempt: int | None
) -> Call[runs.ResetKey, runs.KeyReset]:
    """Forget an idempotency key."""
    made = make_key(key, scope, run, attempt)
    return Call(endpoints.runs.RESET_KEY, runs.ResetKey(task_identifier=task), {"key": made.hash})
