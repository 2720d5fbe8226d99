"""The moments of an order's life, each told by the messages that lead to it; the last of them is held."""

import re
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from perdure.core.lifecycle import Status
from tests.crash.approval import PATIENCE_S, Lane
from tests.support.proxy import Gate, Place, Side
from tests.support.waiting import until

Condition = Callable[[Lane], Awaitable[bool]]

POLL = re.compile("/worker/v1/poll$")
REPORT = re.compile("/worker/v1/report$")
TOKENS = re.compile("/waitpoints/tokens$")
CALLBACK = re.compile("/callback/")


@dataclass(frozen=True)
class Step:
    """Let all go on until something comes to a place; hold it there, and wait for a condition.

    A step that is alone lets nothing else begin: the worker asks for no other run meanwhile.
    """

    place: Place
    condition: Condition | None = None
    is_alone: bool = False

    async def is_reached(self, lane: Lane) -> bool:
        return self.condition is None or await self.condition(lane)


@dataclass(frozen=True)
class Moment:
    """A moment, and the steps that lead there."""

    name: str
    steps: tuple[Step, ...]
    #: whether the manager answers before
    is_answered: bool = False

    async def reach(self, lane: Lane, gates: ExitStack) -> None:
        """Begin an order, and bring it to this moment; it stays there until the gates are left."""
        before: Gate | None = None
        for step in self.steps:
            if step.is_alone:
                gates.enter_context(lane.proxy.gate(ASKING))
            gate = gates.enter_context(lane.proxy.gate(step.place))
            if before is None:
                await self._begin(lane, gate)
            else:
                before.open()
            await gate.caught(PATIENCE_S)
            await until(lambda step=step: step.is_reached(lane), f"it is: {self.name}", PATIENCE_S)
            before = gate

    async def _begin(self, lane: Lane, gate: Gate) -> None:
        if gate.place is ASKING:  # the order is to find the gate closed
            lane.proxy.cut()
            await gate.caught(PATIENCE_S)
        await lane.begin()
        if self.is_answered:
            lane.approve()


# Places on the way of messages.

ASKING = Place(side="request", path=POLL, is_it=lambda poll, _: poll["slots"] > 0)
"""The worker asks for a run: it has none."""


def claimed(task: str, *, again: bool = False) -> Place:
    """A run of a task is handed out, to begin or to go on."""
    return Place(
        side="answer",
        path=POLL,
        is_it=lambda _, polled: any(
            run["task"] == task and ("snapshot" in run) == again for run in polled.get("runs", ())
        ),
    )


def report(side: Side, kind: str, *, output: str = "") -> Place:
    """A report of a kind passes, or the answer to it.

    Args:
        side: which of the two.
        kind: `checkpointed`, `parked` or `succeeded`.
        output: a text that is in the output.
    """

    def is_it(item: dict[str, Any]) -> bool:
        return item["type"] == kind and output in (item.get("output") or "")

    return Place(side=side, path=REPORT, is_it=lambda told, _: any(is_it(item) for item in told["items"]))


def trigger(side: Side, task: str) -> Place:
    """A child is triggered."""
    return Place(side=side, path=re.compile(f"/tasks/{task}/trigger$"))


def token(side: Side) -> Place:
    """A token is made."""
    return Place(side=side, path=TOKENS)


# What must have happened besides.


def order_is(*statuses: Status) -> Condition:
    return lambda lane: lane.has(*statuses)


def is_idle(task: str) -> Condition:
    """The order's child of a task has not begun, or nothing of it is under way."""

    async def look(lane: Lane) -> bool:
        return not await lane.child_has(task, Status.DEQUEUED, Status.EXECUTING)

    return look


SHIPPED = "parcel of"
DONE = "approved_by"
BUSY = report("request", "checkpointed")
"""The order holds the worker's only slot."""
MAKING = token("request")
TRIGGERING = trigger("request", "ship")
"""So it does here, before its other waits."""

MOMENTS = (
    Moment("queued", (Step(ASKING, order_is(Status.QUEUED)),)),
    Moment("claimed, not told", (Step(claimed("process-order")),)),
    Moment("begun, checkpoint not stored", (Step(BUSY),)),
    Moment("checkpoint stored, not told", (Step(report("answer", "checkpointed")),)),
    Moment("waits for time, not stored", (Step(BUSY), Step(report("request", "parked"), is_alone=True))),
    Moment("waits for time, not told", (Step(BUSY), Step(report("answer", "parked"), is_alone=True))),
    Moment("parked for time", (Step(BUSY), Step(ASKING, order_is(Status.WAITING, Status.QUEUED)))),
    Moment("time over", (Step(BUSY), Step(ASKING, order_is(Status.QUEUED)))),
    Moment("claimed after the time, not told", (Step(claimed("process-order", again=True)),)),
    Moment("asks for a token", (Step(MAKING),)),
    Moment("token made, not told", (Step(token("answer")),)),
    Moment("waits for token, not stored", (Step(MAKING), Step(report("request", "parked"), is_alone=True))),
    Moment("waits for token, not told", (Step(MAKING), Step(report("answer", "parked"), is_alone=True))),
    Moment("parked for token", (Step(MAKING), Step(ASKING, order_is(Status.WAITING)))),
    Moment("answered, manager not told", (Step(Place(side="answer", path=CALLBACK)),), True),
    Moment("answered", (Step(MAKING), Step(ASKING, order_is(Status.QUEUED))), True),
    Moment("triggers its children", (Step(TRIGGERING),), True),
    Moment("children triggered, not told", (Step(trigger("answer", "ship")),), True),
    Moment(
        "in memory, a child triggered",
        (Step(TRIGGERING), Step(trigger("answer", "ship"), order_is(Status.WAITING), is_alone=True)),
        True,
    ),
    Moment(
        "waits for children, not stored",
        (Step(TRIGGERING), Step(report("request", "parked"), is_alone=True)),
        True,
    ),
    Moment(
        "waits for children, not told",
        (Step(TRIGGERING), Step(report("answer", "parked"), is_alone=True)),
        True,
    ),
    Moment("children queued", (Step(TRIGGERING), Step(ASKING, order_is(Status.WAITING))), True),
    Moment("child claimed, not told", (Step(claimed("ship"), is_idle("bill")),), True),
    Moment(
        "shipped, not stored",
        (
            Step(claimed("ship"), is_idle("bill")),
            Step(report("request", "succeeded", output=SHIPPED), is_alone=True),
        ),
        True,
    ),
    Moment(
        "one child done, not told",
        (
            Step(claimed("ship"), is_idle("bill")),
            Step(report("answer", "succeeded", output=SHIPPED), is_alone=True),
        ),
        True,
    ),
    Moment(
        "billed, child not parked",
        (Step(claimed("bill"), is_idle("ship")), Step(report("request", "parked"), is_alone=True)),
        True,
    ),
    Moment(
        "child parked, not told",
        (Step(claimed("bill"), is_idle("ship")), Step(report("answer", "parked"), is_alone=True)),
        True,
    ),
    Moment("child claimed to go on, not told", (Step(claimed("bill", again=True)),), True),
    Moment(
        "both children done",
        (Step(claimed("bill", again=True)), Step(ASKING, order_is(Status.QUEUED))),
        True,
    ),
    Moment("done, not stored", (Step(report("request", "succeeded", output=DONE)),), True),
    Moment("done, not told", (Step(report("answer", "succeeded", output=DONE)),), True),
)
