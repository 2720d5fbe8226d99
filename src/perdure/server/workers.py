"""What workers say, and what they are told."""

from perdure.server.handles import Call, handles
from perdure.wire import endpoints
from perdure.wire.model import Nothing
from perdure.wire.workers import (
    Connected,
    ConnectWorker,
    Disconnect,
    Heartbeat,
    HeartbeatAnswer,
    Polled,
    PollRuns,
    Report,
    Reported,
    SendLogs,
    Workers,
)


@handles(endpoints.workers.CONNECT)
async def connect(call: Call, worker: ConnectWorker) -> Connected:
    """Take note of a worker and of what it can run."""
    return await call.services.engine.workers.connect(call.environment, worker)


@handles(endpoints.workers.POLL)
async def poll(call: Call, wanted: PollRuns) -> Polled:
    """Hand out runs; held open until there are some."""
    services = call.services
    polled = await services.hold(call.request, services.engine.dequeue.poll(call.environment, wanted))
    services.metrics.claimed.inc(len(polled.runs))
    return polled


@handles(endpoints.workers.REPORT)
async def report(call: Call, told: Report) -> Reported:
    """Take in what became of runs."""
    reported = await call.services.engine.attempts.report(call.environment, told)
    call.services.metrics.reported(item.type for item in told.items)
    return reported


@handles(endpoints.workers.HEARTBEAT)
async def heartbeat(call: Call, beat: Heartbeat) -> HeartbeatAnswer:
    """Keep a worker's leases."""
    return await call.services.engine.heartbeats.beat(call.environment, beat)


@handles(endpoints.workers.SEND_LOGS)
async def send_logs(call: Call, logs: SendLogs) -> Nothing:
    """Store log lines."""
    await call.services.engine.logs.append(call.environment, logs)
    return Nothing()


@handles(endpoints.workers.DISCONNECT)
async def disconnect(call: Call, leaving: Disconnect) -> Nothing:
    """Let a worker go."""
    await call.services.engine.workers.disconnect(call.environment, leaving.worker_id)
    return Nothing()


@handles(endpoints.environment.LIST_WORKERS)
async def list_workers(call: Call, _: Nothing) -> Workers:
    """Show the workers that are connected."""
    return await call.services.engine.workers.list(call.environment)
