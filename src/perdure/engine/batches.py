"""Batches: many runs triggered as one, in two steps: the batch, then its items as they come.

A group of items is one transaction, with as many statements as one trigger.  It locks the batch, so that
the same stream sent twice at once makes each run once; runs, their keys and their counts are locked after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.core.errors import BadOption, BatchClosed, NotFound, PerdureError, TokenUsed, Unprocessable
from perdure.core.ids import new_id
from perdure.engine import batch_keys
from perdure.engine.alarms import set_alarms
from perdure.engine.batch_watch import channel_of_batch, give_up
from perdure.engine.cancel import Cancel
from perdure.engine.drafts import Draft, Key, NewRun, OneTimeToken, draft
from perdure.engine.enqueue import Enqueue, Triggered
from perdure.engine.news import look_until
from perdure.engine.resources import Resources
from perdure.store import batches, runs
from perdure.store.batches import ALARM, Batch, Item, Result
from perdure.store.database import Tx
from perdure.store.keys import TOKEN
from perdure.store.rows import Environment
from perdure.store.timers import Timer
from perdure.wire.batches import BatchItem, BatchStatus, CreateBatch

GROUP = 500
"""How many items are best stored together."""

PAGE_CHARACTERS = 8 * 1024 * 1024
"""How long the results of one page are together, unless one alone is longer."""


@dataclass(frozen=True, slots=True)
class Made:
    """A batch, and whether keys stood for it already."""

    batch: Batch
    is_known: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that can be no run, and why."""

    index: int
    task: str
    error: str
    code: str


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a group of items: how many are new, and how many were here already."""

    batch: Batch
    accepted: int
    known: int
    #: the new runs and those that keys stood for
    triggered: Sequence[Triggered] = ()


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch and its items, in order."""

    batch: Batch
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Results of a batch in the order of its items, and whether there are more."""

    results: Sequence[Result]
    has_more: bool


def status_of(batch: Batch) -> BatchStatus:
    """Return where a batch is in its life."""
    if batch.aborted_at is not None:
        return BatchStatus.ABORTED
    if batch.sealed_at is None:
        return BatchStatus.PENDING
    if batch.completed_at is None:
        return BatchStatus.PROCESSING
    if batch.failed == batch.run_count:
        return BatchStatus.ABORTED
    return BatchStatus.PARTIAL_FAILED if batch.failed else BatchStatus.COMPLETED


class Batches:
    """Makes, fills, shows and cancels batches."""

    def __init__(self, resources: Resources, enqueue: Enqueue, cancel: Cancel) -> None:
        """Use these resources, and what triggers and cancels runs."""
        self._resources = resources
        self._enqueue = enqueue
        self._cancel = cancel

    async def create(
        self,
        environment: Environment,
        wanted: CreateBatch,
        *,
        request_key: str | None = None,
        token: OneTimeToken | None = None,
    ) -> Made:
        """Make a batch whose items are to follow.

        Args:
            environment: where.
            wanted: how many items it has, who triggers it, and under what key.
            request_key: of the HTTP request: the same again gives the same batch.
            token: the public token that asks, if it may do so only once.

        Raises:
            BadOption: the parent is no run of the environment, or a key has characters it can't have.
            TokenUsed: the token has triggered before.
        """
        now = self._resources.clock.now()
        settings = self._resources.settings
        options = wanted.idempotency_key_options
        batch = Batch(
            id=new_id("batch", now),
            environment=environment.id,
            created_at=now,
            updated_at=now,
            run_count=wanted.run_count,
            received=0,
            failed=0,
            watched=wanted.run_count,
            sealed_at=None,
            completed_at=None,
            aborted_at=None,
            parent=wanted.parent_run_id,
            is_awaited=int(bool(wanted.resume_parent_on_completion)),
            idempotency_key=options.key if options else wanted.idempotency_key,
        )
        keys = batch_keys.keys_of(wanted, request_key, token, now, settings)
        alarm = Timer(now + settings.batch_seal_ms, ALARM, batch.id)
        return await self._resources.db.transact(_create, batch, wanted, keys, alarm)

    async def add(self, environment: Environment, batch: str, items: Sequence[BatchItem | Refused]) -> Added:
        """Add a group of items; the last one seals the batch.

        An item that is here already, by its index, is passed over, and so are all of a batch that is
        sealed.  One that can't be triggered is noted with its error, and the batch goes on without it.

        Raises:
            Unprocessable: there is no such batch, or an index is beyond its count; nothing is added.
            BatchClosed: it was given up.
        """
        now = self._resources.clock.now()
        row = await self._resources.db.read(batches.find, environment.id, batch)
        if row is None:
            raise Unprocessable(f"There is no batch {batch} in this environment; make one first")
        for item in items:
            if item.index >= row.run_count:
                raise Unprocessable(
                    f"Item {item.index} is one too many: the batch was made for {row.run_count}, "
                    f"with indexes from 0 to {row.run_count - 1}"
                )
        prepared = self._prepare(environment, row, items, now)
        return await self._resources.db.transact(self._add, row.id, prepared, now)

    async def get(self, environment: Environment, batch: str) -> BatchView:
        """Return a batch with its items.

        Raises:
            NotFound: there is none of this id in the environment.
        """
        return BatchView(
            await self._row(environment, batch), await self._resources.db.read(batches.items_of, batch)
        )

    async def results(
        self, environment: Environment, batch: str, *, after: int, size: int, wait: float
    ) -> ResultPage | None:
        """Return results of a batch whose runs have all ended; None if they have not in time.

        Args:
            environment: where.
            batch: which.
            after: the index of the last item that is known; -1 for none.
            size: how many to give at most.
            wait: how long to wait for the runs, in seconds.

        Raises:
            NotFound: there is none of this id in the environment.
            BatchClosed: it was given up.
        """
        if not await self._is_over(environment, batch, wait):
            return None
        page = await self._resources.db.read(
            batches.results_of, batch, after=after, limit=size, characters=PAGE_CHARACTERS
        )
        return ResultPage(*page)

    async def cancel(self, environment: Environment, batch: str) -> list[str]:
        """Give a batch up if its items are still coming, and cancel the runs it made and their descendants.

        Returns:
            The runs that had not ended.

        Raises:
            NotFound: there is none of this id in the environment.
        """
        row = await self._row(environment, batch)
        await self._resources.db.transact(give_up, [row.id], self._resources.clock.now())
        return await self._cancel.cancel_batch(row.id)

    async def _row(self, environment: Environment, batch: str) -> Batch:
        row = await self._resources.db.read(batches.find, environment.id, batch)
        if row is None:
            raise NotFound(kind="batch", name=batch)
        return row

    async def _is_over(self, environment: Environment, batch: str, wait: float) -> bool:
        row = await look_until(
            self._resources.db.hints,
            [channel_of_batch(batch)],
            lambda: self._row(environment, batch),
            lambda row: row.aborted_at is not None or row.completed_at is not None,
            wait=wait,
            every_ms=self._resources.settings.slow_look_ms,
        )
        if row.aborted_at is not None:
            raise _closed(row)
        return row.completed_at is not None

    def _prepare(
        self, environment: Environment, batch: Batch, items: Sequence[BatchItem | Refused], now: int
    ) -> dict[int, tuple[str, Draft | Refused]]:
        """Return the items by their index; of two with the same index the first counts."""
        prepared: dict[int, tuple[str, Draft | Refused]] = {}
        for item in items:
            if item.index in prepared:
                continue
            made = item if isinstance(item, Refused) else self._draft(environment, batch, item, now)
            prepared[item.index] = item.task, made
        return prepared

    def _draft(self, environment: Environment, batch: Batch, item: BatchItem, now: int) -> Draft | Refused:
        command = item
        if batch.parent or item.options.parent_run_id or item.options.resume_parent_on_completion:
            # The family of an item is its batch's, whatever it says itself.
            family = {"parent_run_id": batch.parent, "resume_parent_on_completion": bool(batch.is_awaited)}
            command = item.model_copy(update={"options": item.options.model_copy(update=family)})
        new = NewRun(environment=environment, task=item.task, command=command, batch=batch.id)
        try:
            return draft(new, now, self._resources.settings)
        except PerdureError as error:
            return Refused(item.index, item.task, str(error), error.code)

    async def _add(
        self, tx: Tx, id: str, prepared: Mapping[int, tuple[str, Draft | Refused]], now: int
    ) -> Added:
        batch = (await batches.lock(tx, [id]))[id]
        if batch.aborted_at is not None:
            raise _closed(batch)
        if batch.sealed_at is not None:
            return Added(batch, 0, 0)
        known = await batches.known_positions(tx, id, list(prepared))
        fresh = {index: prepared[index] for index in prepared if index not in known}
        if not fresh:
            return Added(batch, 0, len(prepared))
        drafts = [made for _, made in fresh.values() if isinstance(made, Draft)]
        stored = await self._enqueue.store(tx, drafts, now) if drafts else {}
        items = [_item(index, task, made, stored) for index, (task, made) in fresh.items()]
        grown = await batches.add_items(tx, batch, items, now=now)
        if grown.sealed_at is not None:
            await batches.look_at(tx, [(id, grown.run_count)])
        triggered = [answer for answer in stored.values() if isinstance(answer, Triggered)]
        return Added(grown, len(fresh), len(prepared) - len(fresh), triggered)


async def _create(tx: Tx, batch: Batch, wanted: CreateBatch, keys: Sequence[Key], alarm: Timer) -> Made:
    if batch.parent is not None:
        found = await runs.of_ids(tx, [batch.parent])
        if not found or found[0].environment != batch.environment:
            raise BadOption(option="parent_run_id", value=batch.parent, expected="a run of this environment")
    standing = await batch_keys.claim(tx, batch, wanted, keys, batch.created_at)
    if standing is None:
        await batches.insert(tx, batch)
        await set_alarms(tx, [alarm], batch.created_at)
        return Made(batch, False)
    if standing.kind == TOKEN:
        raise TokenUsed(task="a batch")
    return Made((await batches.of_ids(tx, [standing.batch]))[standing.batch], True)


def _item(
    index: int, task: str, made: Draft | Refused, stored: Mapping[str, Triggered | PerdureError]
) -> Item:
    if isinstance(made, Refused):
        return Item(index, task, None, made.error, made.code)
    answer = stored[made.id]
    if isinstance(answer, Triggered):
        return Item(index, task, answer.id, None, None)
    return Item(index, task, None, str(answer), answer.code)


def _closed(batch: Batch) -> BatchClosed:
    return BatchClosed(batch=batch.id, received=batch.received, expected=batch.run_count)
