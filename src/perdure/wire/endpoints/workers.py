"""What workers ask of the server."""

from perdure.wire import workers
from perdure.wire.endpoint import MEGABYTE, Audience, Endpoint
from perdure.wire.model import Nothing

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
