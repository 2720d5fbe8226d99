"""What clients do: a list that is drawn before a simulation begins, and what they are promised for it.

Each action is a client's coroutine.  When a trigger is acknowledged, the client notes what must become of the
run; `invariants` holds Perdure to it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from perdure import Debounce
from perdure.client import AsyncClient
from perdure.core.errors import PerdureError
from perdure.core.lifecycle import Status
from tests.simulation.faults import CLIENTS
from tests.simulation.trace import Trace

GOOD = frozenset({Status.COMPLETED})
FAILED = frozenset({Status.FAILED})

LAST_ACTION_S = 10.0


@dataclass(frozen=True)
class Action:
    """Something that a client does."""

    kind: str
    client: str
    at: float
    number: int
    """Goes into payloads; no two actions have numbers that are less than ten apart."""
    dice: int

    def __str__(self) -> str:
        return f"{self.client} does {self.kind} {self.number} at {self.at:.3f}"


@dataclass(frozen=True)
class Promise:
    """What must become of a run whose trigger was acknowledged."""

    ends: frozenset[Status]
    #: its possible outputs, if it completes
    outputs: list[Any]


@dataclass
class Promises:
    """All that was acknowledged."""

    runs: dict[str, Promise] = field(default_factory=dict)
    #: the run that each idempotency key was answered with
    keys: dict[str, set[str]] = field(default_factory=dict)
    #: what was sent to each token
    answers: dict[str, list[Any]] = field(default_factory=dict)
    schedules: list[str] = field(default_factory=list)


Do = Callable[["Clients", Action, Random], Awaitable[None]]
ACTIONS: dict[str, Do] = {}
"""Every kind of action."""


def action(do: Do) -> Do:
    """Make a function an action of its name."""
    ACTIONS[do.__name__] = do
    return do


def draw(dice: Random) -> list[Action]:
    """Draw what clients do: of some kinds, so that these meet each other often."""
    kinds = dice.sample(list(ACTIONS), dice.randint(1, 5))
    count = dice.choice([2, 3, 4, 6, 9])
    return [
        Action(
            kind=dice.choice(kinds),
            client=dice.choice(CLIENTS),
            at=round(LAST_ACTION_S * dice.random() ** 2, 3),
            number=100 + 10 * one,
            dice=dice.getrandbits(32),
        )
        for one in range(count)
    ]


class Clients:
    """What the clients of a simulation share: how they call, and what they were promised."""

    def __init__(self, client: AsyncClient, promises: Promises, trace: Trace) -> None:
        self.client = client
        self.promises = promises
        self._trace = trace

    async def act(self, one: Action) -> None:
        """Do an action when its time has come; what the servers do not answer is left."""
        await asyncio.sleep(one.at)
        self._trace.add("begins: {}", one)
        try:
            await (ON_PURPOSE | ACTIONS)[one.kind](self, one, Random(one.dice))
        except PerdureError as error:
            self._trace.add("gives up: {}: {}", one, error)

    async def trigger(
        self,
        task: str,
        payload: dict[str, Any],
        *outputs: Any,
        ends: frozenset[Status] = GOOD,
        **options: Any,
    ) -> str:
        """Trigger a run; note, when it is acknowledged, what must become of it."""
        run = (await self.client.trigger(task, payload, **options)).id
        self._trace.add("is promised {}, a run of {}", run, task)
        self.promise(run, Promise(ends, list(outputs)))
        return run

    def promise(self, run: str, promise: Promise) -> None:
        """Note a promise; one that was made before may be met in either way."""
        before = self.promises.runs.get(run)
        if before is not None:
            promise = Promise(before.ends | promise.ends, before.outputs + promise.outputs)
        self.promises.runs[run] = promise


@action
async def plain(all: Clients, one: Action, dice: Random) -> None:
    await all.trigger("plain", {"number": one.number, "seconds": _some(dice, 0, 12)}, one.number)


async def steady(all: Clients, one: Action, dice: Random) -> None:
    """Is not drawn; see `spots`."""
    await all.trigger("plain", {"number": one.number, "seconds": 8.0}, one.number)


ON_PURPOSE: dict[str, Do] = {"steady": steady}


@action
async def limited(all: Clients, one: Action, dice: Random) -> None:
    for number in range(one.number, one.number + dice.randint(1, 4)):
        payload = {"number": number, "seconds": _some(dice, 0, 2)}
        await all.trigger("limited", payload, number, concurrency_key=dice.choice([None, "ada", "bob"]))


@action
async def flaky(all: Clients, one: Action, dice: Random) -> None:
    await all.trigger("flaky", {"number": one.number, "failures": dice.randint(1, 2)}, one.number)
    await all.trigger("flaky", {"number": one.number, "failures": 99}, ends=FAILED)


@action
async def checkpointed(all: Clients, one: Action, dice: Random) -> None:
    await all.trigger("checkpointed", {"number": one.number}, one.number)


@action
async def sleeper(all: Clients, one: Action, dice: Random) -> None:
    await all.trigger("sleeper", {"number": one.number, "seconds": _some(dice, 0, 10)}, one.number)


@action
async def pinner(all: Clients, one: Action, dice: Random) -> None:
    await all.trigger("pinner", {"number": one.number, "seconds": _some(dice, 0, 10)}, one.number)


@action
async def parent(all: Clients, one: Action, dice: Random) -> None:
    payload = {"number": one.number, "seconds": _some(dice, 0, 3)}
    await all.trigger("parent", payload, 2 * one.number + 1)


@action
async def gatherer(all: Clients, one: Action, dice: Random) -> None:
    payload = {"number": one.number, "seconds": _some(dice, 0, 3)}
    await all.trigger("gatherer", payload, [one.number + branch for branch in range(3)])


@action
async def batcher(all: Clients, one: Action, dice: Random) -> None:
    await all.trigger("batcher", {"number": one.number}, [*(one.number + item for item in range(3)), 0])


@action
async def batch(all: Clients, one: Action, dice: Random) -> None:
    items = [{"task": "plain", "payload": {"number": one.number + item}} for item in range(4)]
    await all.client.batches.trigger(items)


@action
async def delayed(all: Clients, one: Action, dice: Random) -> None:
    await all.trigger("plain", {"number": one.number}, one.number, delay=_some(dice, 1, 8))


@action
async def expiring(all: Clients, one: Action, dice: Random) -> None:
    ends = frozenset({Status.COMPLETED, Status.EXPIRED})
    for number in range(one.number, one.number + 3):
        payload = {"number": number, "seconds": 2.0}
        await all.trigger("limited", payload, number, ends=ends, ttl=dice.randint(1, 4))


@action
async def keyed(all: Clients, one: Action, dice: Random) -> None:
    for _ in range(2):
        key = dice.choice(["red", "green"])
        payload = {"number": one.number, "seconds": _some(dice, 0, 1)}
        run = await all.trigger("plain", payload, one.number, idempotency_key=key)
        all.promises.keys.setdefault(key, set()).add(run)


@action
async def asker(all: Clients, one: Action, dice: Random) -> None:
    token = (await all.client.tokens.create(timeout="10m")).id
    answers = all.promises.answers.setdefault(token, [])
    outputs = [[one.number, answer] for answer in (1, 2)]
    await all.trigger("asker", {"number": one.number, "token": token}, *outputs)
    await asyncio.sleep(_some(dice, 0, 8))
    for answer in (1, 2):
        answers.append(answer)
        await all.client.tokens.complete(token, answer)


@action
async def canceled(all: Clients, one: Action, dice: Random) -> None:
    ends = frozenset({Status.COMPLETED, Status.CANCELED})
    task = dice.choice(["sleeper", "plain", "pinner", "parent"])
    payload = {"number": one.number, "seconds": _some(dice, 1, 8)}
    output = 2 * one.number + 1 if task == "parent" else one.number
    run = await all.trigger(task, payload, output, ends=ends)
    await asyncio.sleep(_some(dice, 0, 8))
    await all.client.runs.cancel(run)


@action
async def replayed(all: Clients, one: Action, dice: Random) -> None:
    run = await all.trigger("checkpointed", {"number": one.number}, one.number)
    await all.client.runs.result(run, timeout=60)
    again = await all.client.runs.replay(run, from_=dice.choice([None, "half"]))
    all.promise(again, Promise(GOOD, [one.number]))


@action
async def debounced(all: Clients, one: Action, dice: Random) -> None:
    burst = Debounce(f"burst {one.number}", 2, mode=dice.choice(["leading", "trailing"]))
    for number in range(one.number, one.number + 3):
        numbers = range(one.number, one.number + 3)
        await all.trigger("plain", {"number": number}, *numbers, debounce=burst)
        await asyncio.sleep(_some(dice, 0, 3))


@action
async def scheduled(all: Clients, one: Action, dice: Random) -> None:
    made = await all.client.schedules.create(
        "ticker",
        "* * * * *",
        deduplication_key=f"schedule {one.number}",
        missed=dice.choice(["skip", "catch_up"]),
        overlap=dice.choice(["allow", "skip", "queue"]),
    )
    all.promises.schedules.append(made.id)
    await asyncio.sleep(_some(dice, 20, 130))


def _some(dice: Random, least: float, most: float) -> float:
    """Return a number of seconds, more often a small one."""
    return round(least + (most - least) * dice.random() ** 2, 3)
