"""Streams of runs, written and read; and inputs, sent to runs and taken by them."""

import json
from collections.abc import AsyncGenerator, Callable
from typing import cast

from starlette.responses import Response

from perdure.core.errors import BadOption, Invalid, PerdureError, TooLarge
from perdure.engine.streams import INPUT, Part, Target
from perdure.engine.watched import Topic
from perdure.server.events import HEARTBEAT_S, PING, EventStream, end, event
from perdure.server.handles import Call, handles
from perdure.server.lines import Line, drain, groups
from perdure.server.request import Request
from perdure.server.runs import readable
from perdure.store.streams import Block
from perdure.wire import endpoints
from perdure.wire import streams as wire
from perdure.wire.endpoint import MEGABYTE
from perdure.wire.model import Nothing
from perdure.wire.realtime import EVENTS
from perdure.wire.values import TEXT

GROUP = 1_000
GROUP_BYTES = MEGABYTE
"""Chunks that come together are stored together: so many at most."""

LONGEST_READ_S = 600


@handles(endpoints.streams.OPEN_STREAM)
async def open_stream(call: Call, _: Nothing, run: str, target: str, stream: str) -> wire.StreamOpened:
    """Begin a stream."""
    await call.services.engine.streams.open(call.environment, await _target(call, run, target), stream)
    return wire.StreamOpened()


@handles(endpoints.streams.WRITE_STREAM)
async def write_stream(
    call: Call, _: wire.StreamLines, run: str, target: str, stream: str
) -> wire.StreamWritten:
    """Add chunks to a stream, as they come."""
    try:
        return wire.StreamWritten(length=await _take_in(call, await _target(call, run, target), stream))
    except PerdureError:
        await drain(call.request)
        raise


@handles(endpoints.streams.STREAM_PROGRESS)
async def stream_progress(call: Call, _: Nothing, run: str, target: str, stream: str) -> wire.StreamWritten:
    """Tell a writer how far it is."""
    run = await _target(call, run, target)
    written = await call.services.engine.streams.written(
        call.environment, run, stream, _writer(call.request) or ""
    )
    call.headers["x-last-chunk-index"] = str(written - 1)
    return wire.StreamWritten(length=written)


@handles(endpoints.streams.APPEND_TO_STREAM)
async def append_to_stream(
    call: Call, _: wire.StreamBytes, run: str, target: str, stream: str
) -> wire.Appended:
    """Add one chunk, a text."""
    body = await call.request.body(endpoints.streams.APPEND_TO_STREAM.limit)
    chunk = json.dumps(body.decode("utf-8", "replace"), ensure_ascii=False).replace("\\u0000", "\\ufffd")
    part = Part(chunks=[chunk], writer=call.request.header(b"x-part-id") or None)
    await call.services.engine.streams.append(
        call.environment, await _target(call, run, target), stream, part
    )
    return wire.Appended()


@handles(endpoints.streams.READ_STREAM)
async def read_stream(call: Call, query: wire.ReadStream, run: str, stream: str) -> Response:
    """Read a stream."""
    return await _read(call, query, run, stream)


@handles(endpoints.streams.SEND_INPUT)
async def send_input(call: Call, sent: wire.SendInput, run: str, stream: str) -> wire.Appended:
    """Send a value to a run."""
    call.require("write", ("inputStreams", run))
    await call.services.engine.inputs.send(call.environment, run, stream, sent.data)
    return wire.Appended()


@handles(endpoints.streams.READ_INPUT)
async def read_input(call: Call, query: wire.ReadStream, run: str, stream: str) -> Response:
    """Read what was sent to a run."""
    return await _read(call, query, run, INPUT + stream)


@handles(endpoints.streams.WAIT_FOR_INPUT)
async def wait_for_input(call: Call, wanted: wire.WaitForInput, run: str) -> wire.InputWait:
    """Make a token that the next value completes."""
    token, is_cached = await call.services.engine.inputs.wait(call.environment, run, wanted)
    return wire.InputWait(waitpoint_id=token, is_cached=is_cached)


@handles(endpoints.streams.TAKE_INPUT)
async def take_input(call: Call, wanted: wire.TakeInput, run: str) -> wire.InputTaken:
    """Take the next value; held open until there is one."""
    services = call.services
    taken = await services.hold(call.request, services.engine.inputs.take(call.environment, run, wanted))
    if taken is None:
        return wire.InputTaken(is_there=False)
    return wire.InputTaken(is_there=True, number=taken.number, data=json.loads(taken.data))


async def _target(call: Call, run: str, target: str) -> str:
    if target not in ("self", "parent", "root"):
        raise BadOption(option="target", value=target, expected="self, parent or root")
    if target == "self":
        return run
    return await call.services.engine.streams.resolve(call.environment, run, cast("Target", target))


def _writer(request: Request) -> str | None:
    return request.header(b"x-client-id") or None


async def _take_in(call: Call, run: str, stream: str) -> int:
    request, writer = call.request, _writer(call.request)
    first = _number(request, b"x-resume-from-chunk", 0)
    attempt = _number(request, b"x-attempt", 0)
    written = first
    async for group in groups(request, limit=wire.MAX_LINE, count=GROUP, size=GROUP_BYTES):
        part = Part(chunks=[_chunk(line) for line in group], writer=writer, first=first, attempt=attempt)
        written = await call.services.engine.streams.append(call.environment, run, stream, part)
        first += len(group)
    return written


def _chunk(line: Line) -> str:
    """Return a line as JSON; what is none is a text."""
    if line.is_cut:
        raise TooLarge(what=f"Line {line.number}: a chunk of a stream", size=line.size, limit=wire.MAX_LINE)
    text = line.data.decode("utf-8", "replace").strip()
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text)
    return text.replace("\\u0000", "\\ufffd")


def _number(request: Request, header: bytes, default: int) -> int:
    text = request.header(header)
    if not text:
        return default
    if not (text.isdigit() and len(text) < 16):
        problem = {"path": header.decode(), "message": "is no number"}
        raise Invalid("Headers Error", details=[problem])
    return int(text)


async def _read(call: Call, query: wire.ReadStream, run: str, key: str) -> Response:
    await readable(call, run)
    request = call.request
    timeout = _number(request, b"timeout-seconds", 0) if request.header(b"timeout-seconds") else None
    if timeout is not None and not 1 <= timeout <= LONGEST_READ_S:
        raise BadOption(option="Timeout-Seconds", value=timeout, expected=f"1 to {LONGEST_READ_S}")
    start = await _start(call, query, run, key)
    kind, form, headers = _form(request)
    frames = _frames(call, run, key, start, form, timeout)
    return EventStream(call.services, request, frames, kind=kind, headers=headers)


async def _start(call: Call, query: wire.ReadStream, run: str, key: str) -> int:
    """Return the number of the first chunk to give."""
    last = call.request.header(b"last-event-id").rpartition("-")[2]
    if last.isascii() and last.isdigit() and len(last) < 16:
        return int(last) + 1
    is_latest = call.request.header(b"x-trigger-stream-start") == "latest"
    wanted = query.start if query.start is not None else "latest" if is_latest else 0
    if isinstance(wanted, int):
        return wanted
    stream = await call.services.engine.streams.find(run, key)
    return 0 if stream is None else stream.length if wanted == "latest" else stream.attempt_from


Form = Callable[[Block, int], bytes]
"""Writes the chunks of a block, from one of them on."""


def _form(request: Request) -> tuple[str, Form, dict[str, str]]:
    accept = request.header(b"accept")
    if accept.startswith(TEXT) and EVENTS not in accept:
        return f"{TEXT}; charset=utf-8", _as_text, {}
    if request.header(wire.STREAMS_VERSION.encode()) == "v2":
        return EVENTS, _as_records, {"x-stream-version": "v2"}
    return EVENTS, _as_events, {"x-stream-version": "v1"}


async def _frames(
    call: Call, run: str, key: str, first: int, form: Form, timeout: float | None
) -> AsyncGenerator[bytes, None]:
    """Give what is there and what comes, until the run has ended, or nothing has come for so many seconds."""
    engine = call.services.engine
    async with engine.feed.watch(Topic(call.environment.id, "stream", (run, key))) as watch:
        quiet = 0.0
        while True:
            is_over = watch.watched.is_over
            while blocks := await engine.streams.blocks(run, key, first):
                for block in blocks:
                    yield form(block, first)
                    first, quiet = block.last + 1, 0.0
            if is_over or (timeout is not None and quiet >= timeout):
                if form is not _as_text:
                    yield end()
                return
            pause = HEARTBEAT_S if timeout is None else min(HEARTBEAT_S, timeout - quiet)
            if not await watch.changes(pause) and not watch.watched.is_over:
                quiet += pause
                yield PING


def _from(block: Block, first: int) -> list[tuple[int, str]]:
    chunks = list(enumerate(block.chunks(), block.first))
    return chunks[max(0, first - block.first) :]


def _as_events(block: Block, first: int) -> bytes:
    return b"".join(
        event(chunk.encode(), id=f"{block.time}-{number}") for number, chunk in _from(block, first)
    )


def _as_records(block: Block, first: int) -> bytes:
    records = [
        wire.StreamRecord(seq_num=number, timestamp=block.time, body=f'{{"data":{chunk},"id":"{number}"}}')
        for number, chunk in _from(block, first)
    ]
    data = wire.StreamRecords(records=records, attempt=block.attempt).to_json()
    return event(data, name="batch", id=str(block.last))


def _as_text(block: Block, first: int) -> bytes:
    """Write texts as they are, one after the other; other values as a line of JSON each."""
    values = ((chunk, json.loads(chunk)) for _, chunk in _from(block, first))
    return "".join(v if isinstance(v, str) else f"{chunk}\n" for chunk, v in values).encode(
        "utf-8", "replace"
    )
