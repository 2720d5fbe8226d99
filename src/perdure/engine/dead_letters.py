"""Dead letters: runs that failed for good, kept for people who redrive or discard them.

Code asks for it, by task or by queue; `moves.apply` writes a letter with the failure, and retention leaves
its run alone as long as it is on the list.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perdure.core.errors import BadOption, NotFound, PerdureError
from perdure.engine.drafts import NewRun, draft
from perdure.engine.enqueue import Enqueue, Triggered
from perdure.engine.options import plain_text
from perdure.engine.queries import letter_query
from perdure.engine.replays import commands_of
from perdure.engine.resources import Resources
from perdure.store import dead_letters, packets, runs
from perdure.store.database import Tx
from perdure.store.dead_letters import QUEUE, TASK, DeadLetter, LetterQuery
from perdure.store.packets import ERROR
from perdure.store.rows import Environment, Packet, Run
from perdure.wire.dead_letters import MAX_LETTERS, ChooseLetters, DeadLetterFilter
from perdure.wire.manifests import QueueManifest, TaskManifest

BATCH = 100
"""The most letters in one transaction."""

_STATES = {"open": True, "redriven": False, "all": None}


@dataclass(frozen=True, slots=True)
class LetterView:
    """A letter, its run, and why that failed."""

    letter: DeadLetter
    run: Run
    error: Packet | None


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Letters, those that failed last first, and the cursor of the next page (None if there is none)."""

    letters: Sequence[LetterView]
    next: str | None


@dataclass(frozen=True, slots=True)
class Handled:
    """Letters that were redriven or discarded."""

    runs: dict[str, str]
    """The runs, the oldest failure first, each with that made in its place ('' if none was)."""
    has_more: bool
    until: int
    """Nothing that failed later was looked at."""


async def declare(
    tx: Tx, environment: str, tasks: Sequence[TaskManifest], queues: Iterable[QueueManifest]
) -> None:
    """Note which tasks and queues ask for their failed runs; of several queues of a name the last counts."""
    latest = {queue.name: queue.dead_letters for queue in queues}
    asking = {
        TASK: [task.id for task in tasks if task.dead_letters],
        QUEUE: [name for name, asks in latest.items() if asks],
    }
    await dead_letters.declare(tx, environment, {TASK: [task.id for task in tasks], QUEUE: latest}, asking)


class DeadLetters:
    """Shows dead letters, redrives and discards them."""

    def __init__(self, resources: Resources, enqueue: Enqueue) -> None:
        """Use these resources, and trigger through the same door as everyone."""
        self._resources = resources
        self._enqueue = enqueue

    async def list(self, environment: Environment, wanted: DeadLetterFilter) -> LetterPage:
        """Return a page of letters.

        Raises:
            BadOption: a filter has a value it can't have; the message names it.
        """
        query = letter_query(wanted, self._resources.clock.now())
        before = _cursor(wanted.after)
        is_open = _STATES[wanted.state]
        return await self._resources.db.read(_page, environment.id, query, is_open, before, wanted.size)

    async def get(self, environment: Environment, run: str) -> LetterView:
        """Return the letter of a run.

        Raises:
            NotFound: it has none.
        """
        return await self._resources.db.read(_get, environment.id, run)

    async def redrive(self, environment: Environment, chosen: ChooseLetters) -> Handled:
        """Trigger failed runs again, as a replay does; each leaves the list, and names the new run.

        One that was redriven already stays as it is: asking twice makes no second run.

        Args:
            environment: where.
            chosen: which; at most 1,000 are done.

        Raises:
            NotFound: a run that is named has no letter.
            BadOption: nothing is chosen, or a filter can't be.
        """
        return await self._handle(environment, chosen, self._redrive)

    async def discard(self, environment: Environment, chosen: ChooseLetters) -> Handled:
        """Take failed runs off the list; takes and raises as `redrive` does."""
        return await self._handle(environment, chosen, _discard)

    async def _handle(self, environment: Environment, chosen: ChooseLetters, handle) -> Handled:
        now = self._resources.clock.now()
        query = letter_query(chosen, now)
        if chosen.runs is not None:
            _check_alone(chosen)
            named = [plain_text("runs", run) for run in dict.fromkeys(chosen.runs)]
            done = await self._resources.db.transact(_handle_named, environment, named, handle, now)
            return Handled(done, False, query.until)
        if not chosen.all:
            raise BadOption("Say which dead letters: runs=[…], or all=true with filters or without")
        done: dict[str, str] = {}
        has_more = True
        while has_more and len(done) < MAX_LETTERS:
            some = await self._resources.db.transact(_handle_some, environment, query, handle, now)
            done |= some
            has_more = len(some) == BATCH
        return Handled(done, has_more, query.until)

    async def _redrive(
        self, tx: Tx, environment: Environment, letters: Sequence[DeadLetter], now: int
    ) -> dict[str, str]:
        """Make a run in place of each locked letter that is open; return the runs by letter."""
        rows = {row.id: row for row in await runs.of_ids(tx, [one.run for one in letters])}
        fresh = [rows[one.run] for one in letters if one.redriven_at is None]
        new = [
            NewRun(environment=environment, task=row.task, command=command, replay_of=row.id)
            for row, command in zip(fresh, await commands_of(tx, fresh), strict=True)
        ]
        drafts = [draft(one, now, self._resources.settings) for one in new]
        if drafts:
            answers = await self._enqueue.store(tx, drafts, now)
            made = {one.new.replay_of or "": _made(answers[one.id]) for one in drafts}
            await dead_letters.note_redriven(tx, made, now=now)
        else:
            made = {}
        return {one.run: made.get(one.run) or one.redriven_as or "" for one in letters}


def _made(answer: Triggered | PerdureError) -> str:
    if isinstance(answer, PerdureError):
        raise answer
    return answer.id


async def _discard(
    tx: Tx, environment: Environment, letters: Sequence[DeadLetter], now: int
) -> dict[str, str]:
    await dead_letters.delete(tx, [one.run for one in letters])
    return {one.run: "" for one in letters}


async def _handle_named(
    tx: Tx, environment: Environment, named: Sequence[str], handle, now: int
) -> dict[str, str]:
    letters = await dead_letters.lock(tx, environment.id, named)
    missing = set(named) - {one.run for one in letters}
    if missing:
        raise NotFound(kind="dead letter of run", name=min(missing))
    return await handle(tx, environment, letters, now)


async def _handle_some(
    tx: Tx, environment: Environment, query: LetterQuery, handle, now: int
) -> dict[str, str]:
    letters = await dead_letters.lock_chosen(tx, environment.id, query, limit=BATCH)
    return await handle(tx, environment, letters, now) if letters else {}


def _check_alone(chosen: ChooseLetters) -> None:
    for name in chosen.model_fields_set - {"runs"}:
        if getattr(chosen, name):
            raise BadOption(f"Dead letters are chosen by runs or by filters, not both: leave out {name}")


def _cursor(text: str | None) -> tuple[int, str] | None:
    if not text:
        return None
    moment, _, run = text.partition("-")
    if not (moment.isascii() and moment.isdigit() and len(moment) < 16 and run):
        raise BadOption(option="page[after]", value=text, expected="what pagination.next said")
    return int(moment), plain_text("page[after]", run)


async def _get(tx: Tx, environment: str, run: str) -> LetterView:
    letter = await dead_letters.find(tx, environment, run)
    if letter is None:
        raise NotFound(kind="dead letter of run", name=run)
    return (await _views(tx, [letter]))[0]


async def _page(
    tx: Tx,
    environment: str,
    query: LetterQuery,
    is_open: bool | None,
    before: tuple[int, str] | None,
    size: int,
) -> LetterPage:
    found = await dead_letters.page(tx, environment, query, is_open=is_open, before=before, limit=size + 1)
    shown = found[:size]
    cursor = f"{shown[-1].failed_at}-{shown[-1].run}" if len(found) > size else None
    return LetterPage(await _views(tx, shown), cursor)


async def _views(tx: Tx, letters: Sequence[DeadLetter]) -> list[LetterView]:
    ids = [one.run for one in letters]
    if not ids:
        return []
    rows = {row.id: row for row in await runs.of_ids(tx, ids)}
    errors = {packet.run: packet for packet in await packets.of_runs(tx, ids, ERROR)}
    return [LetterView(one, rows[one.run], errors.get(one.run)) for one in letters]
