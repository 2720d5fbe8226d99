"""Runs."""

from perdure.wire import runs, waits, why
from perdure.wire.endpoint import KILOBYTE, MEGABYTE, Audience, Endpoint
from perdure.wire.model import Nothing

TRIGGER = Endpoint(
    name="trigger",
    method="POST",
    path="/api/v1/tasks/{task}/trigger",
    takes=runs.TriggerRun,
    gives=runs.Triggered,
    summary="Trigger a run of a task.",
    audience=Audience.PUBLIC,
    errors=(400, 401, 403, 413, 422),
)
RETRIEVE_RUN = Endpoint(
    name="retrieveRun",
    method="GET",
    path="/api/v3/runs/{run}",
    takes=Nothing,
    gives=runs.Run,
    summary="Get a run in full.",
    audience=Audience.PUBLIC,
    errors=(401, 403, 404),
)
LIST_RUNS = Endpoint(
    name="listRuns",
    method="GET",
    path="/api/v1/runs",
    takes=runs.RunFilter,
    gives=runs.RunPage,
    summary="List runs, newest first, by any filter.",
    audience=Audience.PUBLIC,
    errors=(400, 401, 403),
)
CANCEL_RUN = Endpoint(
    name="cancelRun",
    method="POST",
    path="/api/v2/runs/{run}/cancel",
    takes=Nothing,
    gives=runs.RunId,
    summary="Cancel a run and its unfinished children; a run that has ended stays as it is.",
    audience=Audience.PUBLIC,
    errors=(401, 403, 404),
)
REPLAY_RUN = Endpoint(
    name="replayRun",
    method="POST",
    path="/api/v1/runs/{run}/replay",
    takes=runs.ReplayRun,
    gives=runs.RunId,
    summary="Trigger a new run like this one, with whatever the body changes.",
    optional_body=True,
    errors=(400, 401, 404, 413, 422),
)
RESCHEDULE_RUN = Endpoint(
    name="rescheduleRun",
    method="POST",
    path="/api/v1/runs/{run}/reschedule",
    takes=runs.RescheduleRun,
    gives=runs.Run,
    summary="Change when a delayed run starts.",
    limit=10 * KILOBYTE,
    errors=(400, 401, 404, 422),
)
BUMP_RUN = Endpoint(
    name="bumpRun",
    method="POST",
    path="/api/v1/runs/{run}/bump",
    takes=Nothing,
    gives=runs.RunId,
    summary="Put a run that stands in line first in its queue.",
    errors=(401, 404, 422),
)
RUN_WHY = Endpoint(
    name="runWhy",
    method="GET",
    path="/api/v1/runs/{run}/why",
    takes=Nothing,
    gives=why.Why,
    summary="Tell why a run is not running: limits, pauses, rates, workers, its place in line.",
    audience=Audience.PUBLIC,
    errors=(401, 403, 404),
)
RUN_RESULT = Endpoint(
    name="runResult",
    method="GET",
    path="/api/v1/runs/{run}/result",
    takes=runs.ResultQuery,
    gives=runs.RunResult,
    summary="Get how a run ended; 404 while it has not.",
    audience=Audience.PUBLIC,
    errors=(401, 403, 404),
)
ADD_TAGS = Endpoint(
    name="addTags",
    method="POST",
    path="/api/v1/runs/{run}/tags",
    takes=runs.AddTags,
    gives=runs.Message,
    summary="Add tags to a run.",
    limit=10 * KILOBYTE,
    errors=(400, 401, 404, 422),
)
GET_METADATA = Endpoint(
    name="getMetadata",
    method="GET",
    path="/api/v1/runs/{run}/metadata",
    takes=Nothing,
    gives=runs.Metadata,
    summary="Get a run's metadata.",
    errors=(401, 404),
)
UPDATE_METADATA = Endpoint(
    name="updateMetadata",
    method="PUT",
    path="/api/v1/runs/{run}/metadata",
    takes=runs.UpdateMetadata,
    gives=runs.Metadata,
    summary="Change the metadata of a run, its parent or its root.",
    limit=2 * MEGABYTE,
    errors=(400, 401, 404, 413),
)
RUN_EVENTS = Endpoint(
    name="runEvents",
    method="GET",
    path="/api/v1/runs/{run}/events",
    takes=runs.EventQuery,
    gives=runs.Events,
    summary="Get what happened in a run, its log lines included.",
    audience=Audience.PUBLIC,
    errors=(401, 403, 404),
)
RUN_SNAPSHOTS = Endpoint(
    name="runSnapshots",
    method="GET",
    path="/api/v1/runs/{run}/snapshots",
    takes=Nothing,
    gives=waits.Snapshots,
    summary="Get a run's stored states: where it stands, line by line, and its checkpoints.",
    errors=(401, 404),
)
RESET_KEY = Endpoint(
    name="resetIdempotencyKey",
    method="POST",
    path="/api/v1/idempotencyKeys/{key}/reset",
    takes=runs.ResetKey,
    gives=runs.KeyReset,
    summary="Forget an idempotency key, so that its next trigger makes a new run.",
    audience=Audience.PUBLIC,
    limit=10 * KILOBYTE,
    errors=(400, 401, 403, 404),
)
