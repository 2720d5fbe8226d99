"""Inputs of runs: streams that are sent to a run, whose chunks it takes one after the other.

Whoever takes names itself by a key, which is the same when the run goes on from a stored state and comes to
that place again: so it gets again what it got.  A run that waits for an input waits for a token, which the
next chunk completes.
"""

from dataclasses import dataclass
from typing import Any

from perdure.core.errors import NotFound, RunEnded
from perdure.core.ids import new_id
from perdure.engine.alarms import set_alarms
from perdure.engine.changes import channel_of_streams
from perdure.engine.news import look_until
from perdure.engine.options import to_text
from perdure.engine.resources import Resources
from perdure.engine.streams import INPUT, add, checked_key, opened
from perdure.engine.tokens import finish, timeout_at_of
from perdure.store import runs, streams, timers, tokens
from perdure.store.database import Tx
from perdure.store.rows import Environment
from perdure.store.streams import Stream, Take
from perdure.store.timers import Timer
from perdure.store.tokens import TIMEOUT, Token
from perdure.wire.streams import TakeInput, WaitForInput

SENT = "input"
"""Who completed a token that a run waited for an input with."""

OPEN_AT_ONCE = 20
"""Of those that wait for an input so many are looked at, at most, for one that still does."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A chunk that was taken: its number, and its JSON text."""

    number: int
    data: str


class Inputs:
    """Sends to runs, and lets them take."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def send(self, environment: Environment, run: str, input: str, data: Any) -> None:
        """Send a value to a run; one that waits for it goes on.

        Raises:
            NotFound: there is no such run in the environment.
            RunEnded: it has ended.
        """
        now = self._resources.clock.now()
        key = checked_key(INPUT + input)
        await self._resources.db.transact(_send, environment.id, run, key, to_text(data), now)

    async def wait(self, environment: Environment, run: str, wanted: WaitForInput) -> tuple[str, bool]:
        """Return a token that the next chunk completes, or has completed; and whether it was there before.

        Raises:
            NotFound: there is no such run in the environment.
            RunEnded: it has ended.
            BadOption: the timeout is no duration or moment, or is over at once.
        """
        now = self._resources.clock.now()
        timeout_at = None if wanted.timeout is None else timeout_at_of(wanted.timeout, now)
        token = Token(new_id("waitpoint", now), environment.id, now, timeout_at, *[None] * 6)
        return await self._resources.db.transact(_wait, token, run, wanted, now)

    async def take(self, environment: Environment, run: str, wanted: TakeInput) -> Taken | None:
        """Take the next chunk of an input; None if none has come when the wait is over.

        Raises:
            NotFound: there is no such run in the environment.
            RunEnded: it has ended.
        """
        return await look_until(
            self._resources.db.hints,
            [channel_of_streams(run)],
            lambda: self._resources.db.transact(
                _take, environment.id, run, wanted, self._resources.clock.now()
            ),
            lambda taken: taken is not None,
            wait=wanted.wait,
            every_ms=LOOK_MS,
        )


LOOK_MS = 1_000
"""Who waits for an input looks this often for one that another server has taken in."""


async def _send(tx: Tx, environment: str, run: str, key: str, data: str, now: int) -> None:
    row = await runs.find(tx, environment, run)
    if row is None:
        raise NotFound(kind="run", name=run)
    if row.finished_at is not None:
        raise RunEnded(run=run, status=row.status)
    stream = await opened(tx, environment, run, key, now)
    await add(tx, stream, [data], 0, now)
    if stream.taken < stream.length:  # others come first, whom nobody takes yet
        return
    for taker, token in await streams.open_takes(tx, stream.id, limit=OPEN_AT_ONCE):
        if await finish(tx, [token], now, by=SENT, output=data):
            await streams.put_take(tx, stream.id, taker, Take(token, stream.length))
            await streams.note_taken(tx, stream.id, stream.length + 1)
            return
        await streams.drop_take(tx, stream.id, taker)  # its time was over


async def _wait(tx: Tx, token: Token, run: str, wanted: WaitForInput, now: int) -> tuple[str, bool]:
    stream = await _input(tx, token.environment, run, wanted, now)
    key = wanted.idempotency_key or token.id
    known = await streams.take_of(tx, stream.id, key)
    if known is not None and known.token is not None and await _stands(tx, known.token):
        return known.token, True
    await tokens.add(tx, token, [])
    taken = await _next(tx, stream, wanted.last_seq_num)
    await streams.put_take(tx, stream.id, key, Take(token.id, taken.number if taken else None))
    if taken is not None:
        await finish(tx, [token.id], now, by=SENT, output=taken.data)
    elif token.timeout_at is not None:
        await set_alarms(tx, [Timer(token.timeout_at, timers.TOKEN, token.id)], now)
    return token.id, False


async def _input(tx: Tx, environment: str, run: str, wanted: WaitForInput | TakeInput, now: int) -> Stream:
    """Return an input, which is locked, of a run that has not ended."""
    row = await runs.find(tx, environment, run)
    if row is not None and row.finished_at is not None:
        raise RunEnded(run=run, status=row.status)
    return await opened(tx, environment, run, checked_key(INPUT + wanted.stream_id), now)


async def _stands(tx: Tx, token: str) -> bool:
    """Tell whether a token waits, or has got something; a wait whose time was over is begun anew."""
    found = await tokens.find(tx, token)
    return found is not None and found.completed_by != TIMEOUT


async def _take(tx: Tx, environment: str, run: str, wanted: TakeInput, now: int) -> Taken | None:
    stream = await _input(tx, environment, run, wanted, now)
    known = await streams.take_of(tx, stream.id, wanted.key)
    if known is not None and known.chunk is not None:
        return await _chunk(tx, stream, known.chunk)
    taken = await _next(tx, stream, None)
    if taken is not None:
        await streams.put_take(tx, stream.id, wanted.key, Take(None, taken.number))
    return taken


async def _next(tx: Tx, stream: Stream, after: int | None) -> Taken | None:
    """Return the next chunk that nobody has taken, or the one after another, and note that it is taken."""
    number = stream.taken if after is None else after + 1
    taken = await _chunk(tx, stream, number)
    if taken is not None:
        await streams.note_taken(tx, stream.id, max(stream.taken, number + 1))
    return taken


async def _chunk(tx: Tx, stream: Stream, number: int) -> Taken | None:
    if number >= stream.length:
        return None
    block = (await streams.blocks_from(tx, stream.id, number))[0]
    return Taken(number, block.chunks()[number - block.first])
