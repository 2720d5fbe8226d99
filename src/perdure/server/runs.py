"""Runs: trigger, look at, and change them."""

from perdure.core.errors import Invalid, NotFound
from perdure.server import render, tokens, vocabulary
from perdure.server.auth import Resource
from perdure.server.handles import Call, handles
from perdure.store.views import Glance, RunView
from perdure.wire import endpoints, waits
from perdure.wire import runs as wire
from perdure.wire.model import Nothing
from perdure.wire.values import MAX_TASK_ID
from perdure.wire.why import Why

REQUEST_KEY = b"x-trigger-request-idempotency-key"
TRACEPARENT = b"traceparent"

TOKEN_SECONDS = 3600
"""How long the token that answers a trigger is good for; the official server's number."""


@handles(endpoints.runs.TRIGGER)
async def trigger(call: Call, command: wire.TriggerRun, task: str) -> wire.Triggered:
    """Trigger a run, and give its reader a token."""
    call.require("trigger", ("tasks", task))
    if command.options.parent_run_id:
        call.require("write", ("runs", command.options.parent_run_id))
    if len(task) > MAX_TASK_ID:
        raise Invalid(
            "Params Error", details=[{"path": "task", "message": f"is over {MAX_TASK_ID} characters"}]
        )
    triggered = await call.services.engine.enqueue.trigger(
        call.environment,
        task,
        _traced(call, command),
        request_key=call.request.header(REQUEST_KEY) or None,
        token=call.grant.once if call.grant else None,
    )
    call.services.metrics.triggered.inc()
    call.headers["x-trigger-jwt"] = tokens.sign(
        call.environment.id,
        call.environment.key,
        (f"read:runs:{triggered.id}", f"write:inputStreams:{triggered.id}"),
        now=call.services.now(),
        seconds=TOKEN_SECONDS,
    )
    return wire.Triggered(id=triggered.id, is_cached=triggered.is_cached)


@handles(endpoints.runs.RETRIEVE_RUN)
async def retrieve(call: Call, _: Nothing, run: str) -> wire.Run:
    """Show a run in full."""
    return render.full(await readable(call, run))


@handles(endpoints.runs.LIST_RUNS)
async def list_runs(call: Call, wanted: wire.RunFilter) -> wire.RunPage:
    """List runs; a token must cover each task it filters by, or all runs."""
    for task in wanted.task.split(",") if wanted.task else [None]:
        call.require("read", ("runs", None), ("tasks", task))
    if wanted.status and not vocabulary.is_modern(call.request):
        wanted = wanted.model_copy(update={"status": vocabulary.from_legacy(wanted.status)})
    page = await call.services.engine.runs.list(call.environment, wanted)
    return render.page(page, call.environment)


@handles(endpoints.runs.CANCEL_RUN)
async def cancel(call: Call, _: Nothing, run: str) -> wire.RunId:
    """Cancel a run."""
    call.require("write", ("runs", run))
    await call.services.engine.cancel.cancel(call.environment, run)
    return wire.RunId(id=run)


@handles(endpoints.runs.REPLAY_RUN)
async def replay(call: Call, changes: wire.ReplayRun, run: str) -> wire.RunId:
    """Run it again."""
    made = await call.services.engine.replays.replay(call.environment, run, changes)
    call.services.metrics.triggered.inc()
    return wire.RunId(id=made.id)


@handles(endpoints.runs.RESCHEDULE_RUN)
async def reschedule(call: Call, change: wire.RescheduleRun, run: str) -> wire.Run:
    """Change when a delayed run starts."""
    await call.services.engine.delays.reschedule(call.environment, run, change.delay)
    return render.full(await readable(call, run))


@handles(endpoints.runs.BUMP_RUN)
async def bump(call: Call, _: Nothing, run: str) -> wire.RunId:
    """Put a run first in its queue."""
    await call.services.engine.bumps.bump(call.environment, run)
    return wire.RunId(id=run)


@handles(endpoints.runs.RUN_WHY)
async def why(call: Call, _: Nothing, run: str) -> Why:
    """Tell why a run is not running."""
    await readable(call, run)
    return await call.services.engine.reasons.why(call.environment, run)


@handles(endpoints.runs.RUN_RESULT)
async def result(call: Call, query: wire.ResultQuery, run: str) -> wire.RunResult:
    """Tell how a run ended; held open until it has."""
    services = call.services
    waiting = services.engine.runs.result(
        call.environment, run, wait=query.wait, permit=lambda seen: _check_readable(call, seen)
    )
    ended = await services.hold(call.request, waiting)
    if ended is None:
        raise NotFound(f"Run {run} has not ended")
    return render.result(ended)


@handles(endpoints.runs.RUN_EVENTS)
async def events(call: Call, query: wire.EventQuery, run: str) -> wire.Events:
    """Tell what happened in a run; held open until there is news."""
    await readable(call, run)
    services = call.services
    waiting = services.engine.logs.events(call.environment, run, after=query.after, wait=query.wait)
    return await services.hold(call.request, waiting)


@handles(endpoints.runs.RUN_SNAPSHOTS)
async def snapshots(call: Call, _: Nothing, run: str) -> waits.Snapshots:
    """Show the stored states of a run."""
    return await call.services.engine.snapshots.list(call.environment, run)


@handles(endpoints.runs.ADD_TAGS)
async def add_tags(call: Call, added: wire.AddTags, run: str) -> wire.Message:
    """Add tags to a run."""
    await call.services.engine.tags.add(call.environment, run, added.tags)
    return wire.Message(message=f"Run {run} has the tags {', '.join(added.tags)}")


@handles(endpoints.runs.GET_METADATA)
async def get_metadata(call: Call, _: Nothing, run: str) -> wire.Metadata:
    """Show a run's metadata."""
    return wire.Metadata(metadata=await call.services.engine.metadata.get(call.environment, run))


@handles(endpoints.runs.UPDATE_METADATA)
async def update_metadata(call: Call, change: wire.UpdateMetadata, run: str) -> wire.Metadata:
    """Change a run's metadata, its parent's or its root's."""
    return wire.Metadata(metadata=await call.services.engine.metadata.update(call.environment, run, change))


@handles(endpoints.runs.RESET_KEY)
async def reset_key(call: Call, which: wire.ResetKey, key: str) -> wire.KeyReset:
    """Forget an idempotency key."""
    call.require("write", ("runs", None))
    await call.services.engine.keys.reset(call.environment, which.task_identifier, key)
    return wire.KeyReset(id=key)


def _traced(call: Call, command: wire.TriggerRun) -> wire.TriggerRun:
    """Return a trigger with the place in a trace that the request's header names, if it names none itself."""
    header = call.request.header(TRACEPARENT)
    if not header or command.options.traceparent is not None or command.options.parent_run_id is not None:
        return command
    options = command.options.model_copy(update={"traceparent": header})
    return command.model_copy(update={"options": options})


async def readable(call: Call, run: str) -> RunView:
    """Return a run that the caller may read: by its id, its task, one of its tags or its batch.

    Raises:
        NotFound: there is none of this id in the environment.
        Forbidden: the token does not cover it.
    """
    view = await call.services.engine.runs.get(call.environment, run)
    _check_readable(call, view)
    return view


def _check_readable(call: Call, seen: RunView | Glance) -> None:
    run = seen.run
    resources: list[Resource] = [("runs", run.id), ("tasks", run.task)]
    resources += [("tags", tag) for tag in seen.tags]
    if run.batch:
        resources.append(("batch", run.batch))
    call.require("read", *resources)
