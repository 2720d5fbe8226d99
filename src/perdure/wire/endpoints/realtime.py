"""Runs as they change.

Each answers in two forms: with `Accept: text/event-stream` by events, else by the long poll of the official
clients.
"""

from perdure.wire import realtime
from perdure.wire.endpoint import Audience, Endpoint

WATCH_RUN = Endpoint(
    name="watchRun",
    method="GET",
    path="/realtime/v1/runs/{run}",
    takes=realtime.WatchRuns,
    gives=realtime.Changes,
    summary="Watch a run, until it has ended.",
    audience=Audience.PUBLIC,
    answers=realtime.EVENTS,
    errors=(400, 401, 403, 404, 429),
)
WATCH_TAGS = Endpoint(
    name="watchTags",
    method="GET",
    path="/realtime/v1/runs",
    takes=realtime.WatchTags,
    gives=realtime.Changes,
    summary="Watch the runs that have all of some tags, new ones too.",
    audience=Audience.PUBLIC,
    answers=realtime.EVENTS,
    errors=(400, 401, 403, 429),
)
WATCH_BATCH = Endpoint(
    name="watchBatch",
    method="GET",
    path="/realtime/v1/batches/{batch}",
    takes=realtime.WatchRuns,
    gives=realtime.Changes,
    summary="Watch the runs of a batch, until all have ended.",
    audience=Audience.PUBLIC,
    answers=realtime.EVENTS,
    errors=(400, 401, 403, 404, 429),
)
