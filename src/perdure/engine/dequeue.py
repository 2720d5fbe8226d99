"""From a line of runs to a worker.

Polls that are under way at the same moment are answered by one transaction; those that wait ride along,
where that can be, with whatever makes a run ready (`Database.ride`).  Claims of an environment
take turns (they lock its row), so that limits hold however many servers there are; who reports or
triggers does not wait for them.  What a claim costs follows the kinds of runs that are ready and the
number of runs it takes, never the length of the lines.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from perdure.core.errors import NotFound, PerdureError
from perdure.core.lifecycle import On, Status
from perdure.engine.assignments import assign
from perdure.engine.catalog import Catalog
from perdure.engine.claims import Claim, begin_claim, lock_heads
from perdure.engine.committer import Committer
from perdure.engine.concurrency import Shares, share
from perdure.engine.listening import Listeners
from perdure.engine.moves import Move, Step, apply, channel_of_ready, resumed_place
from perdure.engine.news import look_on
from perdure.engine.resources import Resources
from perdure.engine.waiting import answers_of
from perdure.store import lanes, runs, waits, workers
from perdure.store.database import Tx
from perdure.store.lanes import Kind, PoolChange, pool_of
from perdure.store.rows import Environment, Run, Worker
from perdure.wire.workers import Assignment, Polled, PollRuns, RunRef, Wake

log = logging.getLogger(__name__)

BATCH = 500
"""The most runs handed out by one transaction."""

KINDS = 10_000
"""The most kinds of runs that are remembered; when there are more, all are read again."""

UNHEARD = "its worker was gone before it was told"

Asked = tuple[str, str, int, Sequence[str]]
"""A poll: the environment, the worker, its free slots, and the wakes that it has heard of."""


def channel_of_worker(worker: str) -> str:
    """Return the channel that is hinted when a worker is to stop something."""
    return f"worker:{worker}"


@dataclass(frozen=True, slots=True)
class Given:
    """The answer to a poll."""

    polled: Polled
    #: whether nothing is left that the worker could have taken
    has_all: bool

    @property
    def is_something(self) -> bool:
        """Whether it is worth telling."""
        polled = self.polled
        return bool(polled.runs or polled.cancels or polled.wakes or polled.drain)


@dataclass(slots=True)
class Bid:
    """A worker that asks for runs, and what it is given."""

    environment: str
    worker: str
    slots: int
    heard: Sequence[str] = ()
    known: Worker | None = None
    runs: list[Run] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    cancels: list[RunRef] = field(default_factory=list)
    wakes: list[Wake] = field(default_factory=list)

    @property
    def wanted(self) -> int:
        """How many more runs it can take."""
        return self.slots - len(self.runs) if self.known else 0

    def answer(self, *, is_all: bool) -> Given | PerdureError:
        """Return the answer to the poll, or what is wrong with it.

        Args:
            is_all: whether all bids together were few enough to be given all they could take.
        """
        if self.known is None:
            return NotFound(kind="connected worker", name=self.worker)
        polled = Polled(
            runs=self.assignments,
            cancels=self.cancels,
            wakes=self.wakes,
            drain=self.known.drained_at is not None,
        )
        return Given(polled, has_all=is_all and self.wanted > 0)


class Dequeue:
    """Hands runs to workers under a lease."""

    def __init__(self, resources: Resources, catalog: Catalog) -> None:
        """Use these resources and this knowledge of tasks."""
        self._resources = resources
        self._catalog = catalog
        self._committer: Committer[Asked, Given] = Committer(self._claim_many, unheard=self._return)
        self._listeners = Listeners(resources.db.hints)
        self._kinds: dict[int, Kind] = {}
        self._returns: set[asyncio.Task[None]] = set()

    async def poll(self, environment: Environment, command: PollRuns) -> Polled:
        """Return runs for a worker to start and to stop; wait if there are none.

        Raises:
            NotFound: the worker is not connected; it must connect again.
        """
        channels = channel_of_ready(environment.id), channel_of_worker(command.worker_id)
        asked = environment.id, command.worker_id, command.slots, tuple(command.heard)
        with self._listeners.ear(command.worker_id, *channels) as ear:
            may_wait = command.wait > 0 and not (ear.must_look or command.heard)
            given = await look_on(
                ear.subscription,
                Given(Polled(), has_all=True) if may_wait else await self._committer.submit(asked),
                lambda: self._committer.submit(asked),
                lambda given: given.is_something,
                wait=command.wait,
                every_ms=self._resources.settings.slow_look_ms,
                pause=lambda subscription, seconds: self._resources.db.ride(
                    subscription, self._claim_along, asked, timeout=seconds, unheard=self._return
                ),
            )
            ear.has_all = given.has_all
        return given.polled

    async def _claim_along(self, tx: Tx, asked: Sequence[Asked]) -> list[Given | None]:
        """Claim for polls that wait; one that is to be refused looks itself."""
        answers = await self._claim(tx, asked, self._resources.clock.now())
        return [answer if isinstance(answer, Given) else None for answer in answers]

    def _return(self, unheard: Given) -> None:
        """Put runs back in line that were claimed for a poll which nobody waits for any more."""
        runs = unheard.polled.runs
        if runs:
            task = asyncio.create_task(self._take_back({run.run_id: run.fence for run in runs}))
            self._returns.add(task)
            task.add_done_callback(self._returns.discard)

    async def _take_back(self, claimed: Mapping[str, int]) -> None:
        try:
            await self._resources.db.transact(_take_back, claimed, self._resources.clock.now())
        except Exception:
            log.exception("Runs of a poll that was gone could not be taken back: %s", ", ".join(claimed))

    async def _claim_many(self, asked: Sequence[Asked]) -> list[Given | PerdureError]:
        now = self._resources.clock.now()
        return await self._resources.db.transact(self._claim, asked, now)

    async def _claim(self, tx: Tx, asked: Sequence[Asked], now: int) -> list[Given | PerdureError]:
        bids = [Bid(*one) for one in asked]
        is_all = sum(bid.slots for bid in bids) <= BATCH
        for environment in sorted({bid.environment for bid in bids}):
            await self._serve(tx, environment, [bid for bid in bids if bid.environment == environment], now)
        return [bid.answer(is_all=is_all) for bid in bids]

    async def _serve(self, tx: Tx, environment: str, bids: Sequence[Bid], now: int) -> None:
        """Answer the bids of an environment."""
        await _introduce(tx, environment, bids, now)
        if not any(bid.wanted for bid in bids):
            return
        kinds = await self._ready_kinds(tx, environment)
        claim: Claim | None = None
        for version in sorted({bid.known.version for bid in bids if bid.known}) if kinds else ():
            same = [bid for bid in bids if bid.known and bid.known.version == version]
            tasks = await self._catalog.tasks(tx, environment, version)
            can = [kind for kind in kinds if kind.task in tasks and kind.version in ("", version)]
            if can:
                claim = claim or await begin_claim(tx, environment, now)
                while await self._take(tx, claim, same, can, now):
                    pass
                await self._hand_out(tx, environment, same, now)
        if claim is not None:
            await claim.gates.settle(tx)

    async def _ready_kinds(self, tx: Tx, environment: str) -> list[Kind]:
        """Return the kinds that have open lanes with runs ready; what each stands for never changes."""
        ids = await lanes.ready_kinds(tx, environment)
        unknown = [kind for kind in ids if kind not in self._kinds]
        if unknown:
            if len(self._kinds) + len(unknown) > KINDS:
                self._kinds, unknown = {}, ids
            self._kinds |= {kind.id: kind for kind in await lanes.kinds(tx, environment, unknown)}
        return [self._kinds[kind] for kind in ids if kind in self._kinds]

    async def _take(self, tx: Tx, claim: Claim, bids: Sequence[Bid], kinds: Sequence[Kind], now: int) -> bool:
        """Claim runs of these kinds for workers of one version.

        Returns:
            Whether lanes without a free slot hid others, which are worth another look.
        """
        wanted = min(sum(bid.wanted for bid in bids), BATCH)
        found = await claim.look(tx, kinds, wanted) if wanted else []
        if not found:
            return False
        environment, slots = claim.environment, claim.slots(found, wanted)
        shares = share(found, slots, found[0].environment_time, claim.gates.rooms(found))
        heads = await lock_heads(tx, shares)
        moves = self._deal(heads, bids, now)
        lanes_to_lock = [*shares.full, *claim.gates.pools_to_lock(shares.held)]
        pools = [PoolChange(environment.id, lane.queue, lane.concurrency_key, 0) for lane in lanes_to_lock]
        pools.append(PoolChange(environment.id, None, None, 0, shares.virtual_time))
        times = {**shares.virtual_times, **shares.pool_times}
        counts = await apply(tx, moves, now=now, virtual_times=times, pools=pools)
        closed = await _close_full(tx, claim, shares, counts, now)
        closed = await claim.gates.charge(tx, found, heads, shares.held) or closed
        return closed and len(heads) < slots

    def _deal(self, heads: Sequence[Run], bids: Sequence[Bid], now: int) -> list[Move]:
        """Deal runs to workers, one to each in turn."""
        lease_until = now + self._resources.settings.lease_ms
        moves = []
        hungry = [bid for bid in bids if bid.wanted]
        for index, run in enumerate(heads):
            bid = hungry[index % len(hungry)]
            assert bid.known is not None
            changes: dict[str, object] = {
                "place": None,
                "expires_at": None,
                "worker": bid.worker,
                "version": bid.known.version,
                "lease_until": lease_until,
                "fence": run.fence + 1,
            }
            moves.append(Move(run, [Step(On.CLAIM)], changes))
            claimed = run._replace(
                status=Status.DEQUEUED,
                worker=bid.worker,
                version=bid.known.version,
                fence=run.fence + 1,
            )
            bid.runs.append(claimed)
            if not bid.wanted:
                hungry = [other for other in hungry if other.wanted]
        return moves

    async def _hand_out(self, tx: Tx, environment: str, bids: Sequence[Bid], now: int) -> None:
        taken = [run for bid in bids for run in bid.runs]
        if not taken:
            return
        version = taken[0].version or ""
        manifests = await self._catalog.manifests(tx, environment, version, {run.task for run in taken})
        assignments = await assign(tx, taken, manifests, now)
        for bid in bids:
            bid.assignments = [assignments[run.id] for run in bid.runs]


async def _introduce(tx: Tx, environment: str, bids: Sequence[Bid], now: int) -> None:
    """Find out who bids, what each must stop, and what may go on in its memory."""
    known = await workers.bidders(tx, environment, [bid.worker for bid in bids])
    by_worker: dict[str, Bid] = {}
    for bid in bids:
        worker, has_news = known.get(bid.worker, (None, False))
        if worker is not None and worker.disconnected_at is None:
            bid.known = worker
            if has_news:
                by_worker[bid.worker] = bid
    if not by_worker:
        return
    for worker, run, fence in await workers.take_cancels(tx, list(by_worker)):
        by_worker[worker].cancels.append(RunRef(run_id=run, fence=fence))
    heard = [id for bid in by_worker.values() for id in bid.heard]
    if heard:
        await waits.drop_wakes(tx, list(by_worker), heard)
    wakes = await waits.wakes_of(tx, list(by_worker))
    answers = await answers_of(tx, [wake.run for wake in wakes], now) if wakes else {}
    for wake in wakes:
        told = Wake(run_id=wake.run, fence=wake.fence, id=wake.id, answers=answers.get(wake.run, []))
        by_worker[wake.worker].wakes.append(told)


async def _take_back(tx: Tx, claimed: Mapping[str, int], now: int) -> None:
    held = await runs.lock(tx, sorted(claimed))
    moves = [
        Move(run, [Step(On.RELEASE, message=UNHEARD)], {"place": resumed_place(run), "lease_until": None})
        for run in held.values()
        if run.fence == claimed[run.id] and run.status == Status.DEQUEUED
    ]
    await apply(tx, moves, now=now)


async def _close_full(
    tx: Tx, claim: Claim, shares: Shares, counts: Sequence[lanes.PoolCount], now: int
) -> bool:
    """Take lanes without a free slot out of sight, so that no claim looks at them in vain.

    Returns:
        Whether there were any.
    """
    limits: Mapping[int, int | None] = {
        **{lane.pool: lane.concurrency_limit for lane in shares.full},
        pool_of(claim.environment.id): claim.limit,
    }
    full = [c.id for c in counts if (limit := limits.get(c.id)) is not None and c.running >= limit]
    if full:
        await lanes.close(tx, full, now=now)
    return bool(full)
