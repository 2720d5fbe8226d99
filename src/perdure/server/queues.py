"""Queues at run time: shown, paused, their limits changed; and the environment as a whole."""

from perdure.core.clock import to_datetime_or_none
from perdure.engine.queues import TASK_PREFIX, Load, QueueView, queue_id
from perdure.server.handles import Call, handles
from perdure.server.render import duration
from perdure.store.queues import KeyCount, rate_of
from perdure.store.rows import Queue
from perdure.wire import endpoints
from perdure.wire import queues as wire
from perdure.wire.manifests import Rate
from perdure.wire.model import Nothing
from perdure.wire.values import EnvironmentType, OffsetPagination


@handles(endpoints.queues.LIST_QUEUES)
async def list_queues(call: Call, wanted: wire.QueueFilter) -> wire.QueuePage:
    """List queues."""
    found = await call.services.engine.queues.list(call.environment, page=wanted.page, size=wanted.per_page)
    return wire.QueuePage(
        data=[_shown(view) for view in found.queues],
        pagination=OffsetPagination.of(wanted, found.count),
    )


@handles(endpoints.queues.RETRIEVE_QUEUE)
async def retrieve_queue(call: Call, wanted: wire.QueueChoice, queue: str) -> wire.Queue:
    """Show a queue."""
    call.require("read", ("queues", queue))
    return _shown(await call.services.engine.queues.get(call.environment, _name(wanted, queue)))


@handles(endpoints.queues.QUEUE_KEYS)
async def queue_keys(call: Call, wanted: wire.KeyChoice, queue: str) -> wire.QueueKeys:
    """Show a queue with its busiest keys."""
    name = _name(wanted, queue)
    detail = await call.services.engine.queues.detail(call.environment, name, keys=wanted.limit)
    return wire.QueueKeys(
        queue=_shown(detail),
        oldest_at=to_datetime_or_none(detail.oldest),
        closed_until=to_datetime_or_none(detail.meter.closed_until if detail.meter else None),
        keys=[_shown_key(key) for key in detail.keys],
    )


@handles(endpoints.queues.PAUSE_QUEUE)
async def pause_queue(call: Call, wanted: wire.PauseQueue, queue: str) -> wire.Queue:
    """Pause or resume a queue."""
    queues = call.services.engine.queues
    change = queues.pause if wanted.action == "pause" else queues.resume
    return _shown(await change(call.environment, _name(wanted, queue)))


@handles(endpoints.queues.OVERRIDE_LIMIT)
async def override_limit(call: Call, wanted: wire.OverrideLimit, queue: str) -> wire.Queue:
    """Override a queue's limit."""
    name, limit = _name(wanted, queue), wanted.concurrency_limit
    return _shown(await call.services.engine.queues.override_limit(call.environment, name, limit))


@handles(endpoints.queues.RESET_LIMIT)
async def reset_limit(call: Call, wanted: wire.QueueChoice, queue: str) -> wire.Queue:
    """Reset a queue's limit."""
    return _shown(await call.services.engine.queues.reset_limit(call.environment, _name(wanted, queue)))


@handles(endpoints.queues.RETRIEVE_ENVIRONMENT)
async def retrieve_environment(call: Call, _: Nothing) -> wire.EnvironmentLoad:
    """Show the environment."""
    return _shown_load(await call.services.engine.queues.load(call.environment))


@handles(endpoints.queues.PAUSE_ENVIRONMENT)
async def pause_environment(call: Call, wanted: wire.PauseEnvironment) -> wire.EnvironmentLoad:
    """Pause or resume the environment."""
    queues = call.services.engine.queues
    change = queues.pause_environment if wanted.action == "pause" else queues.resume_environment
    return _shown_load(await change(call.environment))


@handles(endpoints.queues.LIMIT_ENVIRONMENT)
async def limit_environment(call: Call, wanted: wire.LimitEnvironment) -> wire.EnvironmentLoad:
    """Set the environment's limit."""
    limit, factor = wanted.concurrency_limit, wanted.burst_factor
    return _shown_load(await call.services.engine.queues.limit_environment(call.environment, limit, factor))


@handles(endpoints.queues.SET_DEFAULT_TTL)
async def set_default_ttl(call: Call, wanted: wire.SetDefaultTtl) -> wire.EnvironmentLoad:
    """Set the environment's TTL."""
    return _shown_load(await call.services.engine.queues.set_default_ttl(call.environment, wanted.ttl))


def _name(wanted: wire.QueueChoice, queue: str) -> str:
    """Return the name, or the id, of the queue in a path; a slash in it is encoded twice by the client."""
    name = queue.replace("%2F", "/")
    return TASK_PREFIX + name if wanted.type == "task" else name


def _shown(view: QueueView) -> wire.Queue:
    queue = view.queue
    is_own = queue.name.startswith(TASK_PREFIX)
    current = queue.concurrency_limit if queue.limit_override is None else queue.limit_override
    return wire.Queue(
        id=queue_id(queue.environment, queue.name),
        name=queue.name.removeprefix(TASK_PREFIX),
        type="task" if is_own else "custom",
        running=view.running,
        queued=view.waiting,
        paused=queue.paused_at is not None,
        concurrency_limit=current,
        concurrency=wire.Concurrency(
            current=current,
            base=queue.concurrency_limit,
            override=queue.limit_override,
            overridden_at=to_datetime_or_none(queue.overridden_at),
        ),
        total_limit=queue.total_limit,
        rate_limit=_rate(queue),
        paused_at=to_datetime_or_none(queue.paused_at),
    )


def _rate(queue: Queue) -> Rate | None:
    rate = rate_of(queue)
    if rate is None:
        return None
    return Rate(limit=rate.limit, period_ms=rate.period_ms, burst=rate.most, per_key=rate.per_key)


def _shown_key(one: KeyCount) -> wire.QueueKey:
    pool = one.pool
    return wire.QueueKey(
        key=one.key,
        queued=one.waiting,
        running=pool.running if pool else 0,
        oldest_at=to_datetime_or_none(one.oldest),
        closed_until=to_datetime_or_none(pool.closed_until if pool else None),
    )


def _shown_load(load: Load) -> wire.EnvironmentLoad:
    row = load.environment
    return wire.EnvironmentLoad(
        id=row.id,
        slug=row.slug,
        type=EnvironmentType(row.type),
        project=row.project,
        running=load.running,
        queued=load.waiting,
        paused=row.paused_at is not None,
        paused_at=to_datetime_or_none(row.paused_at),
        concurrency_limit=row.concurrency_limit,
        burst_factor=row.burst_factor,
        default_ttl=duration(load.default_ttl_ms),
        default_ttl_override=None if row.default_ttl_ms is None else duration(row.default_ttl_ms) or "0s",
    )
