"""Streams of runs, and their inputs."""

from perdure.wire import streams
from perdure.wire.endpoint import KILOBYTE, MEGABYTE, NDJSON, Audience, Endpoint
from perdure.wire.model import Nothing
from perdure.wire.realtime import EVENTS
from perdure.wire.values import TEXT

READ_STREAM = Endpoint(
    name="readStream",
    method="GET",
    path="/realtime/v1/streams/{run}/{stream}",
    takes=streams.ReadStream,
    gives=streams.StreamRecords,
    summary="Read a stream of a run from any place on, until it has ended; `Accept: text/plain` gives text.",
    audience=Audience.PUBLIC,
    answers=EVENTS,
    errors=(400, 401, 403, 404, 429),
)
OPEN_STREAM = Endpoint(
    name="openStream",
    method="PUT",
    path="/realtime/v1/streams/{run}/{target}/{stream}",
    takes=Nothing,
    gives=streams.StreamOpened,
    summary="Begin a stream of a run (`self`), its `parent` or its `root`.",
    status=202,
    errors=(400, 401, 404),
)
WRITE_STREAM = Endpoint(
    name="writeStream",
    method="POST",
    path="/realtime/v1/streams/{run}/{target}/{stream}",
    takes=streams.StreamLines,
    gives=streams.StreamWritten,
    summary="Add chunks, a line of JSON for each; `X-Client-Id` and `X-Resume-From-Chunk` say which.",
    media_type=NDJSON,
    limit=streams.MAX_LINE,
    errors=(400, 401, 404, 413),
)
STREAM_PROGRESS = Endpoint(
    name="streamProgress",
    method="GET",
    path="/realtime/v1/streams/{run}/{target}/{stream}",
    takes=Nothing,
    gives=streams.StreamWritten,
    summary="Tell how many chunks of `X-Client-Id` are stored; `X-Last-Chunk-Index` is one less.",
    errors=(400, 401, 404),
)
APPEND_TO_STREAM = Endpoint(
    name="appendToStream",
    method="POST",
    path="/realtime/v1/streams/{run}/{target}/{stream}/append",
    takes=streams.StreamBytes,
    gives=streams.Appended,
    summary="Add the body, a text, to a stream as one chunk.",
    media_type=TEXT,
    limit=512 * KILOBYTE,
    errors=(400, 401, 404, 413),
)
SEND_INPUT = Endpoint(
    name="sendInput",
    method="POST",
    path="/realtime/v1/streams/{run}/input/{stream}",
    takes=streams.SendInput,
    gives=streams.Appended,
    summary="Send a value to a run that has not ended.",
    audience=Audience.PUBLIC,
    limit=MEGABYTE,
    errors=(400, 401, 403, 404, 413),
)
READ_INPUT = Endpoint(
    name="readInput",
    method="GET",
    path="/realtime/v1/streams/{run}/input/{stream}",
    takes=streams.ReadStream,
    gives=streams.StreamRecords,
    summary="Read what was sent to a run.",
    audience=Audience.PUBLIC,
    answers=EVENTS,
    errors=(400, 401, 403, 404, 429),
)
WAIT_FOR_INPUT = Endpoint(
    name="waitForInput",
    method="POST",
    path="/api/v1/runs/{run}/input-streams/wait",
    takes=streams.WaitForInput,
    gives=streams.InputWait,
    summary="Make a token that the next value of an input completes.",
    limit=10 * KILOBYTE,
    errors=(400, 401, 404),
)
TAKE_INPUT = Endpoint(
    name="takeInput",
    method="POST",
    path="/api/v1/runs/{run}/input-streams/take",
    takes=streams.TakeInput,
    gives=streams.InputTaken,
    summary="Take the next value of an input; held open until there is one.",
    limit=10 * KILOBYTE,
    errors=(400, 401, 404),
)
