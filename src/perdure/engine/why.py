"""Why a run is not running: each thing that a claim goes by, as a sentence and the next step."""

from collections.abc import Callable

from perdure.core.clock import to_datetime
from perdure.core.errors import NotFound
from perdure.core.lifecycle import FINAL, Status
from perdure.engine.resources import Resources
from perdure.store import runs, waits
from perdure.store import why as store
from perdure.store.database import Tx
from perdure.store.queues import rate_of
from perdure.store.rows import Environment, Run, Worker
from perdure.store.why import COUNTED, Facts
from perdure.wire.why import Reason, Why


class Reasons:
    """Tells why runs are not running."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def why(self, environment: Environment, run: str) -> Why:
        """Return the reasons that hold now, what binds most first; a run in line has at least its place.

        Raises:
            NotFound: there is no such run in the environment.
        """
        now = self._resources.clock.now()
        since = now - 2 * self._resources.settings.lease_ms
        return await self._resources.db.read(_why, environment.id, run, now, since)


async def _why(tx: Tx, environment: str, run: str, now: int, since: int) -> Why:
    row = await runs.find(tx, environment, run)
    if row is None:
        raise NotFound(kind="run", name=run)
    return Why(
        run=row.id,
        task_identifier=row.task,
        status=Status(row.status),
        queue=row.queue,
        concurrency_key=row.concurrency_key,
        reasons=await _reasons(tx, row, now, since),
    )


async def _reasons(tx: Tx, run: Run, now: int, since: int) -> list[Reason]:
    status = Status(run.status)
    if status in FINAL:
        return [_ended(run)]
    if status in (Status.DEQUEUED, Status.EXECUTING):
        return [_running(run)]
    if status is Status.WAITING:
        return [await _waiting(tx, run)]
    known = await store.facts(tx, run.environment, run, since=since)
    found = [_standing(known), *(rule(known, now) for rule in _RULES), _nobody(known)]
    if run.place is not None:
        found.append(_in_line(known))
    return [reason for reason in found if reason is not None]


def _ended(run: Run) -> Reason:
    when = to_datetime(run.finished_at or run.updated_at)
    step = f"perdure runs get {run.id} shows how; perdure runs replay {run.id} runs it again"
    return Reason(code="ended", message=f"It has ended as {run.status}.", since=when, next_step=step)


def _running(run: Run) -> Reason:
    told = "It runs" if run.status == Status.EXECUTING else "It is on its way to a worker"
    step = f"perdure runs logs {run.id} --follow watches it"
    return Reason(code="running", message=f"{told}, on worker {run.worker}.", next_step=step)


async def _waiting(tx: Tx, run: Run) -> Reason:
    number = waits.IN_MEMORY if run.lease_until is not None else run.snapshot
    awaited = [one for one in await waits.awaited_by(tx, run.id) if one.snapshot == number]
    names = ", ".join("a moment" if one.until is not None else f"{one.kind} {one.subject}" for one in awaited)
    moments = [one.until for one in awaited if one.until is not None]
    return Reason(
        code="waiting",
        message=f"It has begun, and waits for {names or 'what it asked for'}; it holds no slot.",
        until=to_datetime(min(moments)) if moments else None,
        next_step=f"perdure runs stack {run.id} shows the line it stands at",
    )


def _standing(known: Facts) -> Reason | None:
    """Tell of a run that has no place in line yet."""
    run = known.run
    if run.status == Status.DELAYED and run.due_at is not None:
        step = f"perdure runs reschedule {run.id} --delay 0 starts it now"
        return Reason(code="delayed", message="It is delayed.", until=to_datetime(run.due_at), next_step=step)
    if run.status == Status.PENDING_VERSION:
        told = f"No version of the code has task {run.task}."
        if known.able and known.queue is None:
            told = f"No version of the code defines queue {run.queue}."
        return Reason(code="pending_version", message=told, next_step="Start a worker of code that has it")
    if run.place is None and run.due_at is not None:
        told = f"Attempt {run.attempt} failed, and the next one comes after a pause."
        return Reason(
            code="back_off",
            message=told,
            until=to_datetime(run.due_at),
            next_step=f"perdure runs get {run.id} shows the error",
        )
    return None


def _environment_paused(known: Facts, now: int) -> Reason | None:
    paused_at = known.environment.paused_at
    if paused_at is None or known.run.is_mid_attempt:
        return None
    told = f"Environment {known.environment.slug} is paused."
    step = "perdure queues resume --all"
    return Reason(code="environment_paused", message=told, since=to_datetime(paused_at), next_step=step)


def _queue_paused(known: Facts, now: int) -> Reason | None:
    queue = known.queue
    if queue is None or queue.paused_at is None or known.run.is_mid_attempt:
        return None
    return Reason(
        code="queue_paused",
        message=f"Queue {queue.name} is paused.",
        since=to_datetime(queue.paused_at),
        next_step=f"perdure queues resume {queue.name}",
    )


def _environment_limit(known: Facts, now: int) -> Reason | None:
    base = known.environment.concurrency_limit
    running = known.environment_pool.running if known.environment_pool else 0
    if base is None or running < int(base * known.environment.burst_factor):
        return None
    limit = int(base * known.environment.burst_factor)
    told = f"The environment runs {running} at once, and may run {limit}."
    step = "perdure queues limit-all NUMBER raises it"
    return Reason(
        code="environment_limit", message=told, runs=list(known.environment_holders), next_step=step
    )


def _queue_limit(known: Facts, now: int) -> Reason | None:
    queue, base = known.queue, known.environment.concurrency_limit
    own = None if queue is None else queue.limit_override
    own = own if own is not None or queue is None else queue.concurrency_limit
    limit = min((one for one in (own, base) if one is not None), default=None)
    running = known.pool.running if known.pool else 0
    if limit is None or running < limit:
        return None
    key = f" with key {known.run.concurrency_key}" if known.run.concurrency_key is not None else ""
    told = f"Queue {known.run.queue}{key} runs {running} at once, and may run {limit}."
    step = f"perdure queues limit {known.run.queue} NUMBER raises it"
    return Reason(code="queue_limit", message=told, runs=list(known.key_holders), next_step=step)


def _total_limit(known: Facts, now: int) -> Reason | None:
    queue, meter = known.queue, known.meter
    if queue is None or meter is None or queue.total_limit is None or meter.running < queue.total_limit:
        return None
    told = f"Queue {queue.name} runs {meter.running} over all its keys, and may run {queue.total_limit}."
    step = "Raise total_limit= in the code, or wait for one of them to end"
    return Reason(code="total_limit", message=told, runs=list(known.queue_holders), next_step=step)


def _rate_limit(known: Facts, now: int) -> Reason | None:
    rate = rate_of(known.queue) if known.queue else None
    if rate is None or known.run.is_mid_attempt:
        return None
    spent = (known.pool if rate.per_key else known.meter) or None
    until = (spent.spent_until if spent else None) or 0
    if rate.allowed(until, now) > 0:
        return None
    told = f"Queue {known.run.queue} has used up its rate of {rate.limit} in {rate.period:g} s."
    return Reason(code="rate_limit", message=told, until=to_datetime(rate.next_at(until)))


_RULES: tuple[Callable[[Facts, int], Reason | None], ...] = (
    _environment_paused,
    _queue_paused,
    _environment_limit,
    _queue_limit,
    _total_limit,
    _rate_limit,
)
"""What may hold back runs in line."""


def _nobody(known: Facts) -> Reason | None:
    """Tell why no worker would take the run, whatever the limits."""
    if not known.workers:
        step = "perdure worker starts one, or perdure dev while developing"
        return Reason(code="no_worker", message="No worker is connected.", next_step=step)
    if not known.able:
        told = f"No worker has task {known.run.task}; connected are versions {_versions(known)}."
        return Reason(
            code="no_worker_for_task", message=told, next_step="perdure workers; perdure tasks lists tasks"
        )
    wanted = _version_of(known.run)
    able = [one for one in known.workers if one[0].version in known.able and wanted in ("", one[0].version)]
    if not able:
        told = f"It runs on version {wanted} alone, which no worker has; there are {_versions(known)}."
        step = f"Start a worker of version {wanted}, or replay the run on another"
        return Reason(code="no_worker_for_version", message=told, next_step=step)
    return _occupied(able)


def _occupied(able: list[tuple[Worker, int]]) -> Reason | None:
    """Tell of workers that could, but take nothing now."""
    ready = [(worker, running) for worker, running in able if worker.drained_at is None]
    if not ready:
        told = f"All workers that could run it are draining: {', '.join(worker.name for worker, _ in able)}."
        return Reason(code="workers_draining", message=told, next_step="perdure worker starts another")
    if any(running < worker.concurrency for worker, running in ready):
        return None
    slots = sum(worker.concurrency for worker, _ in ready)
    told = f"All {slots} slots of the workers that could run it are taken."
    step = "perdure worker starts another; --concurrency gives one more slots"
    return Reason(code="workers_busy", message=told, next_step=step)


def _version_of(run: Run) -> str:
    """Return the version whose workers alone may take the run, or ''."""
    return run.locked_version or (run.kept_version if run.snapshot is not None else "")


def _versions(known: Facts) -> str:
    return ", ".join(sorted({worker.version for worker, _ in known.workers}))


def _in_line(known: Facts) -> Reason:
    before = known.before
    counted = f"{before:,} or more runs stand" if before >= COUNTED else f"{before:,} runs stand"
    counted = "1 run stands" if before == 1 else counted
    told = f"{counted} before it in its line." if before else "It is the first in its line."
    if known.other_keys:
        keys = "1 other key" if known.other_keys == 1 else f"{known.other_keys:,} other keys"
        told += f" That takes turns with {keys} of queue {known.run.queue}."
    step = f"perdure runs bump {known.run.id} puts it first" if before else None
    return Reason(code="in_line", message=told, position=before, next_step=step)
