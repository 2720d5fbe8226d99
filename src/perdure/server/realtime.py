"""Runs as they change: by events, or by the long poll of the official clients."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from perdure.core.clock import from_datetime
from perdure.core.duration import to_milliseconds
from perdure.core.errors import BadDuration, BadOption
from perdure.core.ids import first_id
from perdure.engine.looks import TAG_MS
from perdure.engine.watched import Position, Topic, Watch
from perdure.server.events import HEARTBEAT_S, PING, EventStream, end, event
from perdure.server.handles import Call, handles
from perdure.server.runs import readable
from perdure.store.feed import Version
from perdure.wire import endpoints
from perdure.wire import realtime as wire
from perdure.wire.realtime import EVENTS
from perdure.wire.values import JSON

TOGETHER = 100
"""Of many runs, the events of so many are made before they are sent."""

_UP_TO_DATE = b'{"headers":{"control":"up-to-date"}}'


@dataclass(frozen=True)
class Asked:
    """What is watched, and how."""

    call: Call
    topic: Topic
    skip: frozenset[str]
    query: wire.WatchRuns
    #: of the runs of a topic, only those after this id
    after: str = ""

    def members(self, watch: Watch) -> Mapping[str, Version]:
        """Return the runs that are meant, with their states."""
        known = watch.watched.members
        return {run: v for run, v in known.items() if run > self.after} if self.after else known

    def position(self, watch: Watch) -> Position:
        """Return the position of one who has read all that is known."""
        return Position.of(self.members(watch), watch.watched.epoch, watch.count)


@handles(endpoints.realtime.WATCH_RUN)
async def watch_run(call: Call, query: wire.WatchRuns, run: str) -> Response:
    """Watch a run."""
    await readable(call, run)
    return await _answer(call, query, Topic(call.environment.id, "run", (run,)))


@handles(endpoints.realtime.WATCH_BATCH)
async def watch_batch(call: Call, query: wire.WatchRuns, batch: str) -> Response:
    """Watch the runs of a batch."""
    call.require("read", ("batch", batch), ("runs", None))
    await call.services.engine.batches.get(call.environment, batch)
    return await _answer(call, query, Topic(call.environment.id, "batch", (batch,)))


@handles(endpoints.realtime.WATCH_TAGS)
async def watch_tags(call: Call, query: wire.WatchTags) -> Response:
    """Watch the runs that have all of some tags."""
    tags = tuple(sorted({tag.strip() for tag in query.tags.split(",") if tag.strip()}))
    call.require("read", ("runs", None), *(("tags", tag) for tag in tags))
    now = call.services.now()
    since = now - TAG_MS if query.created_at is None else _since(query.created_at, now)
    topic = Topic(call.environment.id, "tags", tags)
    return await _answer(call, query, topic, after=first_id("run", max(0, since, now - TAG_MS)))


def _since(text: str, now: int) -> int:
    """Return the moment that a text means: so long ago, or by itself."""
    try:
        return now - to_milliseconds(text)
    except BadDuration:
        pass
    try:
        return from_datetime(datetime.fromisoformat(text))
    except ValueError:
        expected = "a duration such as 1h, or a moment in ISO 8601"
        raise BadOption(option="createdAt", value=text, expected=expected) from None


async def _answer(call: Call, query: wire.WatchRuns, topic: Topic, after: str = "") -> Response:
    skip = call.grant.skip if call.grant and call.grant.skip is not None else query.skipped
    asked = Asked(call, topic, skip, query, after)
    if EVENTS in call.request.header(b"accept"):
        return EventStream(call.services, call.request, _events(asked))
    return await _poll(asked)


async def _events(asked: Asked) -> AsyncGenerator[bytes, None]:
    feed = asked.call.services.engine.feed
    read = asked.call.request.header(b"last-event-id").partition("|")
    since = Position.parse(read[0], read[2])
    async with feed.watch(asked.topic) as watch:
        members = asked.members(watch)
        changed = sorted(members) if since is None else since.missed(watch.watched, members)
        while True:
            members = asked.members(watch)
            async for frame in _told(asked, watch, [run for run in changed if run in members]):
                yield frame
            if watch.watched.is_over and watch.count == watch.watched.count:
                yield end()
                return
            changed = await watch.changes(HEARTBEAT_S)
            if not changed:
                yield PING


async def _told(asked: Asked, watch: Watch, runs: Sequence[str]) -> AsyncGenerator[bytes, None]:
    """Tell of runs; the last event alone has an id, as it says that all before it were told too."""
    services = asked.call.services
    position = asked.position(watch)
    for start in range(0, len(runs), TOGETHER):
        part = runs[start : start + TOGETHER]
        is_last = start + TOGETHER >= len(runs)
        shown = await services.engine.feed.shown(part)
        ids: list[str | None] = [None] * len(shown)
        if is_last and ids:
            ids[-1] = f"{position.offset}|{position.cursor}"
        rows = [services.renderer.event(run, asked.skip) for run in shown]
        yield b"".join(event(row, name="run", id=id) for row, id in zip(rows, ids, strict=True))


async def _poll(asked: Asked) -> Response:
    """Answer the official client: with a snapshot, or what has changed since its last answer."""
    query, services = asked.query, asked.call.services
    since = Position.parse(query.offset, query.cursor)
    async with services.engine.feed.watch(asked.topic) as watch:
        members = asked.members(watch)
        if since is None or not query.live:
            changed = sorted(members)
        else:
            changed = since.missed(watch.watched, members)
            if not changed:
                changed = await services.hold(asked.call.request, watch.changes(services.watching.live_s))
                members = asked.members(watch)
        position = asked.position(watch)
        shown = await services.engine.feed.shown(run for run in changed if run in members)
    rows = [services.renderer.row(run, asked.skip) for run in shown]
    return Response(
        b"[" + b",".join([*rows, _UP_TO_DATE]) + b"]", headers=_shape(asked, position), media_type=JSON
    )


def _shape(asked: Asked, position: Position) -> dict[str, str]:
    first = asked.topic.subjects[0] if asked.topic.kind != "tags" else str(hash(asked.topic) & 0xFFFFFFFF)
    return {
        "cache-control": "no-store",
        "electric-offset": position.offset,
        "electric-handle": asked.query.handle or f"{asked.topic.kind}-{first}",
        "electric-schema": "{}",
        "electric-cursor": position.cursor,
        "electric-up-to-date": "",
    }
