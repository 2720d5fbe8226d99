"""Every endpoint, once.  To add one: a line here, a handler in `server`, a method in `client`."""

from perdure.wire import auth, runs, waits, workers
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
LIST_TASKS = Endpoint(
    name="listTasks",
    method="GET",
    path="/api/v1/tasks",
    takes=Nothing,
    gives=workers.Tasks,
    summary="List the tasks of the current version, and what did not import.",
)
LIST_WORKERS = Endpoint(
    name="listWorkers",
    method="GET",
    path="/api/v1/workers",
    takes=Nothing,
    gives=workers.Workers,
    summary="List the workers that are connected.",
)
CREATE_TOKEN = Endpoint(
    name="createToken",
    method="POST",
    path="/api/v1/waitpoints/tokens",
    takes=waits.CreateToken,
    gives=waits.CreatedToken,
    summary="Make a token that runs can wait for.",
    limit=10 * KILOBYTE,
    errors=(400, 401),
)
LIST_TOKENS = Endpoint(
    name="listTokens",
    method="GET",
    path="/api/v1/waitpoints/tokens",
    takes=waits.TokenFilter,
    gives=waits.TokenPage,
    summary="List tokens, newest first, by any filter.",
)
RETRIEVE_TOKEN = Endpoint(
    name="retrieveToken",
    method="GET",
    path="/api/v1/waitpoints/tokens/{token}",
    takes=Nothing,
    gives=waits.Token,
    summary="Get a token.",
    errors=(401, 404),
)
COMPLETE_TOKEN = Endpoint(
    name="completeToken",
    method="POST",
    path="/api/v1/waitpoints/tokens/{token}/complete",
    takes=waits.CompleteToken,
    gives=waits.Completed,
    summary="Complete a token; the first answer counts.",
    audience=Audience.PUBLIC,
    errors=(400, 401, 403, 404, 413),
)
CALL_TOKEN_BACK = Endpoint(
    name="callTokenBack",
    method="POST",
    path="/api/v1/waitpoints/tokens/{token}/callback/{signature}",
    takes=waits.CallbackBody,
    gives=waits.Completed,
    summary="Complete a token from outside: the body, any JSON, becomes its data.",
    audience=Audience.OPEN,
    optional_body=True,
    errors=(404, 413),
)
JWT_CLAIMS = Endpoint(
    name="jwtClaims",
    method="POST",
    path="/api/v1/auth/jwt/claims",
    takes=Nothing,
    gives=auth.Claims,
    summary="Get the claims of a public token that the caller signs itself.",
)
WHO_AM_I = Endpoint(
    name="whoAmI",
    method="GET",
    path="/api/v1/whoami",
    takes=Nothing,
    gives=auth.EnvironmentIdentity,
    summary="Tell which environment the key belongs to.",
)
HEALTH = Endpoint(
    name="health",
    method="GET",
    path="/healthcheck",
    takes=Nothing,
    gives=auth.Health,
    summary="Tell whether the server and its database answer.",
    audience=Audience.OPEN,
    errors=(503,),
)

CONNECT = Endpoint(
    name="connectWorker",
    method="POST",
    path="/worker/v1/connect",
    takes=workers.ConnectWorker,
    gives=workers.Connected,
    summary="Say who a worker is and what it can run.",
    audience=Audience.WORKER,
    limit=16 * MEGABYTE,
)
POLL = Endpoint(
    name="pollRuns",
    method="POST",
    path="/worker/v1/poll",
    takes=workers.PollRuns,
    gives=workers.Polled,
    summary="Take runs under a lease, and hear which to stop.",
    audience=Audience.WORKER,
    errors=(400, 401, 404),
)
REPORT = Endpoint(
    name="report",
    method="POST",
    path="/worker/v1/report",
    takes=workers.Report,
    gives=workers.Reported,
    summary="Report what became of runs, many at once.",
    audience=Audience.WORKER,
    limit=64 * MEGABYTE,
    errors=(400, 401, 413),
)
HEARTBEAT = Endpoint(
    name="heartbeat",
    method="POST",
    path="/worker/v1/heartbeat",
    takes=workers.Heartbeat,
    gives=workers.HeartbeatAnswer,
    summary="Keep the leases of a worker's runs.",
    audience=Audience.WORKER,
    errors=(400, 401, 404),
)
SEND_LOGS = Endpoint(
    name="sendLogs",
    method="POST",
    path="/worker/v1/logs",
    takes=workers.SendLogs,
    gives=Nothing,
    summary="Store log lines.",
    audience=Audience.WORKER,
    limit=16 * MEGABYTE,
)
DISCONNECT = Endpoint(
    name="disconnectWorker",
    method="POST",
    path="/worker/v1/disconnect",
    takes=workers.Disconnect,
    gives=Nothing,
    summary="Say that a worker stops.",
    audience=Audience.WORKER,
)

ENDPOINTS: tuple[Endpoint, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Endpoint)
)
"""All of them, in the order they stand in here."""
