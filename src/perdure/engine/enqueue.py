"""From a trigger to a stored run.

Concurrent triggers go into one transaction: keys are claimed, families looked up, and runs, packets,
tags, alarms and counts written, each in one statement however many runs there are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perdure.core.errors import PerdureError, TokenUsed
from perdure.engine import debounce, once
from perdure.engine.alarms import set_alarms
from perdure.engine.catalog import Catalog
from perdure.engine.changes import channel_of_members, channel_of_tag
from perdure.engine.committer import Committer
from perdure.engine.drafts import Draft, Known, NewRun, OneTimeToken, Origin, draft, row_of
from perdure.engine.moves import channel_of_ready
from perdure.engine.once import DEBOUNCE, Existing
from perdure.engine.queues import undefined
from perdure.engine.resources import Resources
from perdure.store import history, lanes, packets, runs, timers, waits
from perdure.store.database import Tx
from perdure.store.keys import IDEMPOTENCY, TOKEN
from perdure.store.lanes import Lane, lane_of
from perdure.store.rows import Environment
from perdure.store.timers import Timer
from perdure.wire.manifests import TaskManifest
from perdure.wire.runs import TriggerRun


@dataclass(frozen=True, slots=True)
class Triggered:
    """The run that was made, or (`is_cached`) that a key of the user's already stood for."""

    id: str
    is_cached: bool


class Enqueue:
    """Triggers runs."""

    def __init__(self, resources: Resources, catalog: Catalog) -> None:
        """Use these resources and this knowledge of tasks."""
        self._resources = resources
        self._catalog = catalog
        self._committer: Committer[NewRun, Triggered] = Committer(self.trigger_many)

    async def trigger(
        self,
        environment: Environment,
        task: str,
        command: TriggerRun,
        *,
        request_key: str | None = None,
        token: OneTimeToken | None = None,
        replay_of: str | None = None,
        origin: Origin | None = None,
    ) -> Triggered:
        """Trigger a run; return when it is stored.

        Args:
            environment: where.
            task: the task's id; a task that no worker knows waits for one that does.
            command: payload and options.
            request_key: of the HTTP request: the same again gives the same run.
            token: the public token that asks, if it may do so only once.
            replay_of: the run this one repeats.
            origin: the stored state to begin at, instead of the top.

        Raises:
            BadOption: an option can't be what it is; the message names it.
            TokenUsed: the token has triggered before.
            RecursiveWait: its parent would wait for a run that waits for it.
        """
        new = NewRun(
            environment=environment,
            task=task,
            command=command,
            request_key=request_key,
            token=token,
            replay_of=replay_of,
            origin=origin,
        )
        return await self._committer.submit(new)

    async def trigger_many(self, new: Sequence[NewRun]) -> list[Triggered | PerdureError]:
        """Trigger runs in one transaction; return for each the run or what is wrong with it."""
        now = self._resources.clock.now()
        answers: dict[int, Triggered | PerdureError] = {}
        drafts: dict[int, Draft] = {}
        for index, one in enumerate(new):
            try:
                drafts[index] = draft(one, now, self._resources.settings)
            except PerdureError as error:
                answers[index] = error
        if drafts:
            stored = await self._resources.db.transact(self.store, list(drafts.values()), now)
            answers |= {index: stored[draft.id] for index, draft in drafts.items()}
        return [answers[index] for index in range(len(new))]

    async def store(self, tx: Tx, drafts: Sequence[Draft], now: int) -> dict[str, Triggered | PerdureError]:
        """Store runs in a transaction; return for each draft, by its id, the run or what is wrong."""
        known = await self._look_up(tx, drafts)
        answers: dict[str, Triggered | PerdureError] = {}
        rows: dict[str, dict[str, Any]] = {}
        for one in drafts:
            try:
                rows[one.id] = row_of(one, known, self._resources.settings)
            except PerdureError as error:
                answers[one.id] = error
        cached = await once.existing(tx, [one for one in drafts if one.id in rows], now)
        fresh = [one for one in drafts if one.id in rows and one.id not in cached]
        fresh, joined = await debounce.settle(tx, fresh, now)
        if joined:
            cached |= await once.hand_on(tx, drafts, joined)
        if fresh:
            settings = self._resources.settings
            final = [row_of(one, known, settings) if one.debounce else rows[one.id] for one in fresh]
            await _insert(tx, fresh, final, now)
        answers |= {one.id: _answer(one, cached.get(one.id)) for one in drafts if one.id in rows}
        return answers | await once.circular(tx, drafts, cached)

    async def _look_up(self, tx: Tx, drafts: Sequence[Draft]) -> Known:
        wanted: dict[tuple[str, str], set[str]] = {}
        parents: set[str] = set()
        queues: set[tuple[str, str]] = set()
        for one in drafts:
            options = one.new.command.options
            wanted.setdefault((one.new.environment.id, options.lock_to_version or ""), set()).add(
                one.new.task
            )
            if options.parent_run_id:
                parents.add(options.parent_run_id)
            if options.queue:
                queues.add((one.new.environment.id, options.queue.name))
        manifests: dict[tuple[str, str, str], TaskManifest] = {}
        for (environment, asked), tasks in wanted.items():
            if asked:
                found = await self._catalog.manifests(tx, environment, asked, tasks)
            else:
                found = await self._catalog.current(tx, environment, tasks)
            manifests |= {(environment, asked, task): manifest for task, manifest in found.items()}
        rows = await runs.of_ids(tx, sorted(parents)) if parents else []
        return Known({row.id: row for row in rows}, manifests, await undefined(tx, queues))


def _answer(draft: Draft, existing: Existing | None) -> Triggered | PerdureError:
    if existing is None:
        return Triggered(draft.id, False)
    if existing.kind == TOKEN:
        return TokenUsed(task=draft.new.task)
    return Triggered(existing.run, existing.kind in (IDEMPOTENCY, DEBOUNCE))


async def _insert(tx: Tx, drafts: Sequence[Draft], rows: Sequence[Mapping[str, Any]], now: int) -> None:
    await runs.insert(tx, rows)
    given = [packet for one in drafts for packet in one.packets]
    if given:
        await packets.insert(tx, given)
    tags = [
        {"environment": one.new.environment.id, "tag": tag, "run": one.id}
        for one in drafts
        for tag in one.tags
    ]
    if tags:
        await history.add_tags(tx, tags)
        tx.hint(*{channel_of_tag(tag["environment"], tag["tag"]) for tag in tags})
    tx.hint(*{channel_of_members(row["batch"]) for row in rows if row["batch"] is not None})
    for one in drafts:
        if one.new.origin is not None:
            origin = one.new.origin
            await waits.begin_at(tx, one.id, origin.run, origin.number, origin.changes, now=now)
    await set_alarms(tx, list(_alarms(rows)), now)
    ready: dict[Lane, int] = {}
    for row in rows:
        if row["place"] is not None:
            lane = _lane(row)
            ready[lane] = ready.get(lane, 0) + 1
    if ready:
        await lanes.change(tx, ready)
        tx.hint(*{channel_of_ready(lane.environment) for lane in ready})


def _lane(row: Mapping[str, Any]) -> Lane:
    version = row["locked_version"] or row["kept_version"]
    return lane_of(row["environment"], row["queue"], row["concurrency_key"], row["task"], version)


def _alarms(rows: Sequence[Mapping[str, Any]]) -> Iterator[Timer]:
    for row in rows:
        if row["due_at"] is not None:
            yield Timer(row["due_at"], timers.DELAY, row["id"])
        if row["expires_at"] is not None:
            yield Timer(row["expires_at"], timers.TTL, row["id"])
