"""What a server would answer, for the clients of a test."""

from collections.abc import Callable
from typing import Any

from perdure.client.call import Call
from perdure.core.cron import zones
from perdure.core.errors import NotFound, TooManyTags, Unprocessable
from perdure.core.lifecycle import On
from perdure.core.names import nearest
from perdure.engine.options import delayed_until
from perdure.engine.queries import query_of
from perdure.engine.scheduled import run_now
from perdure.engine.schedules import ScheduleView
from perdure.server import render
from perdure.server.schedules import shown as shown_schedule
from perdure.store.packets import METADATA
from perdure.store.run_lists import RunPage
from perdure.store.schedules import Schedule
from perdure.store.views import Glance, RunView
from perdure.testing import batches, replays
from perdure.testing.errors import NotInHarness
from perdure.testing.lives import Life
from perdure.testing.setting import ENVIRONMENT
from perdure.testing.tokens import shown
from perdure.testing.world import World
from perdure.wire import auth, endpoints, runs, schedules, waits
from perdure.wire import batches as wire
from perdure.wire.values import MAX_TAGS, OffsetPagination

Handler = Callable[..., Any]
_HANDLERS: dict[str, Handler] = {}


def answer(world: World, call: Call[Any, Any]) -> Any:
    """Return what a server would answer; raise what its client would raise.

    Raises:
        NotInHarness: the tests of tasks have no answer to this.
    """
    handler = _HANDLERS.get(call.endpoint.name)
    if handler is None:
        raise NotInHarness(
            endpoint=f"{call.endpoint.method} {call.endpoint.path}", summary=call.endpoint.summary
        )
    with world.lock:
        return handler(world, call.body, **call.path)


def _answers(endpoint: Any) -> Callable[[Handler], Handler]:
    def keep(handler: Handler) -> Handler:
        _HANDLERS[endpoint.name] = handler
        return handler

    return keep


@_answers(endpoints.runs.TRIGGER)
def _trigger(world: World, body: runs.TriggerRun, task: str) -> runs.Triggered:
    return world.trigger(task, body)


@_answers(endpoints.runs.RETRIEVE_RUN)
def _retrieve(world: World, _: Any, run: str) -> runs.Run:
    return render.full(view_of(world, world.get(run)))


@_answers(endpoints.runs.LIST_RUNS)
def _list(world: World, body: runs.RunFilter) -> runs.RunPage:
    """List all runs that fit, on one page; by status, task, tag, parent and root."""
    query = query_of(body, world.clock.now())
    wanted: list[tuple[Any, Callable[[Life], Any]]] = [
        (query.statuses, lambda life: life.row.status),
        (query.tasks, lambda life: life.row.task),
        (query.parents, lambda life: life.row.parent),
        (query.roots, lambda life: life.row.root),
    ]
    found = [
        life
        for life in reversed(world.lives.values())
        if all(names is None or value(life) in names for names, value in wanted)
        and (query.tags is None or {*query.tags} & {*life.tags})
    ]
    page = RunPage([_glance(life) for life in found], has_older=False, has_newer=False)
    return render.page(page, ENVIRONMENT)


@_answers(endpoints.runs.CANCEL_RUN)
def _cancel(world: World, _: Any, run: str) -> runs.RunId:
    world.cancel(run)
    return runs.RunId(id=run)


@_answers(endpoints.runs.RESCHEDULE_RUN)
def _reschedule(world: World, body: runs.RescheduleRun, run: str) -> runs.Run:
    life, now = world.get(run), world.clock.now()
    due = delayed_until(body.delay, now) or now
    life.happens(On.RESCHEDULE, now, delayed_until=due, due_at=due)
    return render.full(view_of(world, life))


@_answers(endpoints.runs.RUN_RESULT)
def _result(world: World, _: Any, run: str) -> runs.RunResult:
    life = world.get(run)
    if not life.has_ended:
        raise NotFound(kind="result of run", name=run)
    return render.result(view_of(world, life))


@_answers(endpoints.runs.ADD_TAGS)
def _add_tags(world: World, body: runs.AddTags, run: str) -> runs.Message:
    life = world.get(run)
    fresh = [tag for tag in dict.fromkeys(body.tags) if tag not in life.tags]
    if len(life.tags) + len(fresh) > MAX_TAGS:
        raise TooManyTags(run=run, count=len(life.tags) + len(fresh), limit=MAX_TAGS)
    life.tags += fresh
    return runs.Message(message=f"Successfully set {len(body.tags)} new tags.")


@_answers(endpoints.runs.GET_METADATA)
def _metadata(world: World, _: Any, run: str) -> runs.Metadata:
    return runs.Metadata(metadata=world.get(run).metadata)


@_answers(endpoints.runs.UPDATE_METADATA)
def _update_metadata(world: World, body: runs.UpdateMetadata, run: str) -> runs.Metadata:
    life = world.get(run)
    if body.metadata is not None and not body.operations:
        replaced = runs.MetadataOperation(type="update", value=body.metadata)
        body = body.model_copy(update={"operations": [replaced]})
    world.change(life, body)
    return runs.Metadata(metadata=life.metadata)


@_answers(endpoints.runs.RUN_EVENTS)
def _events(world: World, body: runs.EventQuery, run: str) -> runs.Events:
    """The log lines of a run."""
    life = world.get(run)
    found = [
        runs.Event(
            sequence=number,
            time=line.time,
            kind="log",
            level=line.level,
            message=line.message,
            attempt=line.attempt,
            source=None if line.source == "perdure" else line.source,
            properties=line.properties,
        )
        for number, line in enumerate(life.lines, 1)
        if number > body.after
    ]
    return runs.Events(events=found, done=life.has_ended)


@_answers(endpoints.runs.RESET_KEY)
def _reset_key(world: World, body: runs.ResetKey, key: str) -> runs.KeyReset:
    if not world.keys.reset(body.task_identifier, key):
        raise NotFound(kind="idempotency key", name=key)
    return runs.KeyReset(id=key)


@_answers(endpoints.batches.CREATE_BATCH)
def _create_batch(world: World, body: wire.CreateBatch) -> wire.CreatedBatch:
    return world.batches.create(body, world.clock.now())


@_answers(endpoints.batches.ADD_ITEMS)
def _add_items(world: World, body: wire.ItemLines, batch: str) -> wire.ItemsAdded:
    def trigger(item: wire.BatchItem) -> Life:
        return world.get(world.trigger(item.task, item, batch=batch).id)

    return world.batches.add(batch, body.lines, trigger)


@_answers(endpoints.batches.RETRIEVE_BATCH)
def _retrieve_batch(world: World, _: Any, batch: str) -> wire.Batch:
    return batches.shown(world.batches.get(batch))


@_answers(endpoints.batches.BATCH_RESULTS)
def _batch_results(world: World, body: wire.ResultsQuery, batch: str) -> wire.BatchResults:
    return batches.results(world.batches.get(batch), body.after)


@_answers(endpoints.batches.CANCEL_BATCH)
def _cancel_batch(world: World, _: Any, batch: str) -> wire.BatchCanceled:
    live = [life for life in world.batches.get(batch).runs.values() if not life.has_ended]
    for life in live:
        world.cancel(life.id)
    return wire.BatchCanceled(id=batch, canceled=len(live))


@_answers(endpoints.tokens.CREATE_TOKEN)
def _create_token(world: World, body: waits.CreateToken) -> waits.CreatedToken:
    return world.tokens.create(body, world.clock.now())


@_answers(endpoints.tokens.RETRIEVE_TOKEN)
def _retrieve_token(world: World, _: Any, token: str) -> waits.Token:
    return shown(world.tokens.get(token))


@_answers(endpoints.tokens.LIST_TOKENS)
def _list_tokens(world: World, body: waits.TokenFilter) -> waits.TokenPage:
    return world.tokens.page(body, world.clock.now())


@_answers(endpoints.tokens.COMPLETE_TOKEN)
def _complete_token(world: World, body: waits.CompleteToken, token: str) -> waits.Completed:
    world.complete(token, body.data, by="key")
    return waits.Completed()


@_answers(endpoints.runs.REPLAY_RUN)
def _replay(world: World, body: runs.ReplayRun, run: str) -> runs.RunId:
    return runs.RunId(id=replays.replay(world, view_of(world, world.get(run)), body))


@_answers(endpoints.runs.RUN_SNAPSHOTS)
def _snapshots(world: World, _: Any, run: str) -> waits.Snapshots:
    return replays.snapshots(world, world.get(run))


@_answers(endpoints.schedules.CREATE_SCHEDULE)
def _create_schedule(world: World, body: schedules.CreateSchedule) -> schedules.Schedule:
    _check_task(world, body.task)
    return _schedule(world.schedules.create(body, world.clock.now()))


@_answers(endpoints.schedules.LIST_SCHEDULES)
def _list_schedules(world: World, body: schedules.ScheduleFilter) -> schedules.SchedulePage:
    found = world.schedules.list(body)
    begin = (body.page - 1) * body.per_page
    shown = [_schedule(row) for row in found[begin : begin + body.per_page]]
    return schedules.SchedulePage(data=shown, pagination=OffsetPagination.of(body, len(found)))


@_answers(endpoints.schedules.RETRIEVE_SCHEDULE)
def _retrieve_schedule(world: World, _: Any, schedule: str) -> schedules.Schedule:
    return _schedule(world.schedules.get(schedule))


@_answers(endpoints.schedules.UPDATE_SCHEDULE)
def _update_schedule(world: World, body: schedules.UpdateSchedule, schedule: str) -> schedules.Schedule:
    if body.task:
        _check_task(world, body.task)
    return _schedule(world.schedules.update(schedule, body, world.clock.now()))


@_answers(endpoints.schedules.DELETE_SCHEDULE)
def _delete_schedule(world: World, _: Any, schedule: str) -> schedules.ScheduleId:
    world.schedules.delete(schedule)
    return schedules.ScheduleId(id=schedule)


@_answers(endpoints.schedules.ACTIVATE_SCHEDULE)
def _activate_schedule(world: World, _: Any, schedule: str) -> schedules.Schedule:
    return _schedule(world.schedules.set_active(schedule, True, world.clock.now()))


@_answers(endpoints.schedules.DEACTIVATE_SCHEDULE)
def _deactivate_schedule(world: World, _: Any, schedule: str) -> schedules.Schedule:
    return _schedule(world.schedules.set_active(schedule, False, world.clock.now()))


@_answers(endpoints.schedules.RUN_SCHEDULE)
def _run_schedule(world: World, _: Any, schedule: str) -> runs.RunId:
    new = run_now(ENVIRONMENT, world.schedules.get(schedule), world.clock.now())
    return runs.RunId(id=world.add(new).id)


@_answers(endpoints.schedules.LIST_TIMEZONES)
def _timezones(_: World, body: schedules.TimezoneQuery) -> schedules.Timezones:
    return schedules.Timezones(timezones=list(zones()[body.exclude_utc :]))


def _schedule(row: Schedule) -> schedules.Schedule:
    return shown_schedule(ScheduleView(row, None), ENVIRONMENT)


def _check_task(world: World, task: str) -> None:
    if world.task(task) is None:
        raise Unprocessable(f"There is no task {task}; {nearest(task, world.known_tasks())}")


@_answers(endpoints.environment.JWT_CLAIMS)
def _claims(world: World, _: Any) -> auth.Claims:
    return auth.Claims(sub=ENVIRONMENT.id)


def view_of(world: World, life: Life) -> RunView:
    """Return a run with its family, as the API shows it."""

    def relative(run: str | None) -> Glance | None:
        return _glance(world.lives[run]) if run in world.lives else None

    return RunView(
        run=life.row,
        tags=life.tags,
        packets=life.packets,
        attempts=list(life.attempts.values()),
        root=relative(life.row.root),
        parent=relative(life.row.parent),
        schedule=None,
        children=[_glance(child) for child in world.children(life.id)],
    )


def _glance(life: Life) -> Glance:
    return Glance(life.row, life.tags, {k: p for k, p in life.packets.items() if k == METADATA})
