"""Queues at run time: shown, paused and resumed, their limits overridden and reset; the environment too.

Whoever changes a limit puts the lanes that it held back into sight again, and hints.  Claims of an
environment take turns by locking its row, and so does every change here, so a claim sees all of it or none.
"""

import hashlib
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace

from perdure.core.errors import BadOption, NotFound
from perdure.core.names import nearest
from perdure.engine import options
from perdure.engine.environments import Environments, default_ttl_ms
from perdure.engine.moves import channel_of_ready
from perdure.engine.resources import Resources
from perdure.store import catalog, queues
from perdure.store.database import Tx
from perdure.store.queues import Definition, KeyCount
from perdure.store.rows import Environment, Meter, Queue
from perdure.wire.manifests import QueueManifest

TASK_PREFIX = "task/"
"""What the name of a task's own queue begins with."""

SUGGESTED = 100
"""Of so many queues the nearest is told when a name is unknown."""


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue and its load."""

    queue: Queue
    waiting: int
    running: int


@dataclass(frozen=True, slots=True)
class QueueDetail(QueueView):
    """A queue with what explains its pace."""

    oldest: int | None
    """Since when the oldest run at the head of a line waits."""
    meter: Meter | None
    keys: Sequence[KeyCount]
    """Those with the most runs waiting."""


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Some queues, by name, and how many there are in all."""

    queues: Sequence[QueueView]
    count: int


@dataclass(frozen=True, slots=True)
class Load:
    """An environment and its load."""

    environment: Environment
    waiting: int
    running: int
    default_ttl_ms: int | None = None
    """How long its runs may wait for a worker if neither trigger nor task says."""


def queue_id(environment: str, name: str) -> str:
    """Return the id of a queue, which follows from its name."""
    digest = hashlib.blake2b(f"{environment}\0{name}".encode(), digest_size=12).hexdigest()
    return f"queue_{digest}"


async def define(tx: Tx, environment: str, manifests: Iterable[QueueManifest], now: int) -> None:
    """Define queues as the code does; of several of one name the last counts."""
    latest = {manifest.name: manifest for manifest in manifests}
    changed = await queues.define(
        tx, environment, [_definition(environment, m, now) for m in latest.values()]
    )
    if changed:
        tx.hint(channel_of_ready(environment))


def _definition(environment: str, manifest: QueueManifest, now: int) -> Definition:
    rate = manifest.rate_limit
    return Definition(
        environment=environment,
        name=manifest.name,
        concurrency_limit=manifest.concurrency_limit,
        total_limit=manifest.total_limit,
        rate_limit=rate.limit if rate else None,
        rate_period_ms=rate.period_ms if rate else None,
        rate_burst=rate.burst if rate else None,
        rate_per_key=int(rate.per_key) if rate else 0,
        created_at=now,
    )


async def undefined(tx: Tx, asked: Set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return those of some queues, given by environment and name, that no code defines; and what to say."""
    unknown = asked - await queues.defined(tx, asked) if asked else set()
    return {
        (environment, name): _hint(name, await queues.of_environment(tx, environment))
        for environment, name in sorted(unknown)
    }


class Queues:
    """Shows and changes queues."""

    def __init__(self, resources: Resources, environments: Environments) -> None:
        """Use these resources, and let these know when an environment changes."""
        self._resources = resources
        self._environments = environments

    async def list(self, environment: Environment, *, page: int, size: int) -> QueuePage:
        """Return a page of queues, by name.

        Args:
            environment: whose.
            page: which, from 1.
            size: how many on a page.
        """
        return await self._resources.db.read(_page, environment.id, (page - 1) * size, size)

    async def get(self, environment: Environment, queue: str) -> QueueView:
        """Return a queue by its name or id.

        Raises:
            NotFound: there is none; the nearest name is told.
        """
        return await self._resources.db.read(_get, environment.id, queue)

    async def detail(self, environment: Environment, queue: str, *, keys: int) -> QueueDetail:
        """Return a queue with its pace, and the keys with the most runs waiting; raises NotFound."""
        return await self._resources.db.read(_detail, environment.id, queue, keys)

    async def pause(self, environment: Environment, queue: str) -> QueueView:
        """Start no attempt from a queue until it is resumed; what has begun goes on.  Raises NotFound."""
        return await self._change(environment, queue, _pause, self._resources.clock.now())

    async def resume(self, environment: Environment, queue: str) -> QueueView:
        """Start runs from a queue again; raises NotFound."""
        return await self._change(environment, queue, _pause, None)

    async def override_limit(self, environment: Environment, queue: str, limit: int) -> QueueView:
        """Put another limit in place of the one in the code, until it is reset; raises NotFound."""
        return await self._change(environment, queue, self._override, limit)

    async def reset_limit(self, environment: Environment, queue: str) -> QueueView:
        """Go back to the limit in the code; raises NotFound."""
        return await self._change(environment, queue, self._override, None)

    async def load(self, environment: Environment) -> Load:
        """Return an environment as it is now, with its load."""
        return self._with_ttl(await self._resources.db.read(_load, environment.id))

    async def pause_environment(self, environment: Environment) -> Load:
        """Start no attempt in an environment until it is resumed; what has begun goes on."""
        return await self._change_environment(environment, _pause_environment, self._resources.clock.now())

    async def resume_environment(self, environment: Environment) -> Load:
        """Start runs in an environment again."""
        return await self._change_environment(environment, _pause_environment, None)

    async def limit_environment(
        self, environment: Environment, limit: int | None, burst_factor: float | None
    ) -> Load:
        """Set how many runs of an environment may run at once.

        Args:
            environment: which.
            limit: of its runs, and of each queue's; None for none.
            burst_factor: by how much all queues together may pass it; None leaves it.

        Raises:
            BadOption: the factor is not from 1 to 100.
        """
        if burst_factor is not None and not 1 <= burst_factor <= 100:
            raise BadOption(option="burst_factor", value=burst_factor, expected="a number from 1 to 100")
        return await self._change_environment(environment, _limit_environment, limit, burst_factor)

    async def set_default_ttl(self, environment: Environment, ttl: str | int | None) -> Load:
        """Set how long runs may wait for a worker if neither trigger nor task says.

        Args:
            environment: whose runs, from now on.
            ttl: seconds, or a duration (`"14d"`); 0: for ever; None: as the server says.

        Raises:
            BadOption: it is neither.
        """
        return await self._change_environment(environment, _set_default_ttl, options.ttl_ms(ttl))

    def _with_ttl(self, load: Load) -> Load:
        return replace(load, default_ttl_ms=default_ttl_ms(load.environment, self._resources.settings))

    async def _change(self, environment: Environment, queue: str, change, *arguments: object) -> QueueView:
        return await self._resources.db.transact(_changed, environment.id, queue, change, arguments)

    async def _change_environment(self, environment: Environment, change, *arguments: object) -> Load:
        load = await self._resources.db.transact(_changed_environment, environment.id, change, arguments)
        self._environments.forget()
        return self._with_ttl(load)

    async def _override(self, tx: Tx, queue: Queue, limit: int | None) -> None:
        now = self._resources.clock.now()
        await queues.override(tx, queue.environment, queue.name, limit, now=now)


async def _changed(tx: Tx, environment: str, name: str, change, arguments: Sequence[object]) -> QueueView:
    await catalog.lock_environment(tx, environment)
    await change(tx, await _find(tx, environment, name), *arguments)
    tx.hint(channel_of_ready(environment))
    return await _get(tx, environment, name)


async def _pause(tx: Tx, queue: Queue, moment: int | None) -> None:
    since = queue.paused_at if moment is not None and queue.paused_at is not None else moment
    await queues.pause(tx, queue.environment, queue.name, paused_at=since)


async def _changed_environment(tx: Tx, environment: str, change, arguments: Sequence[object]) -> Load:
    await change(tx, await catalog.lock_environment(tx, environment), *arguments)
    tx.hint(channel_of_ready(environment))
    return await _load(tx, environment)


async def _pause_environment(tx: Tx, environment: Environment, moment: int | None) -> None:
    since = environment.paused_at if moment is not None and environment.paused_at is not None else moment
    await queues.pause_environment(tx, environment.id, paused_at=since)


async def _limit_environment(
    tx: Tx, environment: Environment, limit: int | None, burst_factor: float | None
) -> None:
    factor = environment.burst_factor if burst_factor is None else burst_factor
    await queues.limit_environment(tx, environment.id, limit, factor)


async def _set_default_ttl(tx: Tx, environment: Environment, ttl_ms: int | None) -> None:
    await queues.set_default_ttl(tx, environment.id, ttl_ms)


async def _load(tx: Tx, environment: str) -> Load:
    row = await catalog.of_id(tx, environment)
    assert row is not None, "its key was just looked up"
    return Load(row, *await queues.load(tx, environment))


async def _page(tx: Tx, environment: str, offset: int, size: int) -> QueuePage:
    found, count = await queues.page(tx, environment, limit=size, offset=offset)
    return QueuePage(await _views(tx, environment, found), count)


async def _views(tx: Tx, environment: str, found: Sequence[Queue]) -> list[QueueView]:
    names = [queue.name for queue in found]
    waiting = await queues.waiting(tx, environment, names)
    running = await queues.running(tx, environment, names)
    return [QueueView(queue, waiting.get(queue.name, 0), running.get(queue.name, 0)) for queue in found]


async def _get(tx: Tx, environment: str, name: str) -> QueueView:
    (view,) = await _views(tx, environment, [await _find(tx, environment, name)])
    return view


async def _detail(tx: Tx, environment: str, name: str, keys: int) -> QueueDetail:
    view = await _get(tx, environment, name)
    queue = view.queue.name
    return QueueDetail(
        view.queue,
        view.waiting,
        view.running,
        oldest=await queues.oldest(tx, environment, queue),
        meter=await queues.find_meter(tx, environment, queue),
        keys=await queues.busiest_keys(tx, environment, queue, limit=keys),
    )


async def _find(tx: Tx, environment: str, name: str) -> Queue:
    found = await queues.find(tx, environment, name)
    if found is not None:
        return found
    known = await queues.of_environment(tx, environment)
    for queue in known:
        if queue_id(environment, queue.name) == name:
            return queue
    raise NotFound(_unknown(name, known))


def _unknown(name: str, known: Sequence[Queue]) -> str:
    if not known:
        return f"There is no queue {name}: no worker has defined any yet."
    return f"There is no queue {name}; {_hint(name, known)}"


def _hint(name: str, known: Sequence[Queue]) -> str:
    return nearest(name, [queue.name for queue in known[:SUGGESTED]])
