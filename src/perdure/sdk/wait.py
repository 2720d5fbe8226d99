"""`wait`: what a task can wait for without holding anything; and `checkpoint`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack

from perdure import sdk
from perdure.core.duration import Duration, to_milliseconds
from perdure.core.errors import BadDuration
from perdure.core.names import check_options
from perdure.sdk import context


class Units(TypedDict, total=False):
    """The parts of a duration."""

    seconds: float
    minutes: float
    hours: float
    days: float
    weeks: float
    months: int
    years: int


class Wait:
    """What a task can wait for.

    A run that waits is stored with its locals, and holds no process, no slot and no memory; then it goes
    on at the same line.
    """

    def for_(self, duration: Duration | None = None, **units: Unpack[Units]) -> Awaitable[None]:
        """Wait for a while: `wait.for_("90m")`, `wait.for_(hours=1, minutes=30)`.

        Args:
            duration: seconds, a text or a timedelta; or else
            units: seconds, minutes, hours, days, weeks, and (by the calendar) months and years, added up.

        Raises:
            BadDuration: it is none, or negative.
            OutsideRun: this is no task.
        """
        context.check_waits("wait.for_")
        return sdk.waits.for_time(_moment(duration, units))

    def until(self, moment: datetime, *, raise_if_past: bool = False) -> Awaitable[None]:
        """Wait for a moment; one that is past is over at once.

        Args:
            moment: with a time zone.
            raise_if_past: a moment that is past is an error.

        Raises:
            WaitOver: it is past.
            ValueError: it has no time zone.
            OutsideRun: this is no task.
        """
        context.check_waits("wait.until")
        return sdk.waits.for_moment(moment, raise_if_past=raise_if_past)

    def until_true(
        self, function: Callable[[], Any], *, every: Duration = 60, timeout: Duration | None = None
    ) -> Awaitable[Any]:
        """Call a function now and then until it returns something true, and return that.

        Args:
            function: blocking or async; it is stored with the run.
            every: how long to wait between two calls.
            timeout: when to give up; never by default.

        Raises:
            WaitTimeout: it was not true in time.
            OutsideRun: this is no task.
        """
        context.check_waits("wait.until_true")
        pause = to_milliseconds(every)
        if pause == 0:
            raise BadDuration(f"wait.until_true can't call every {every!r}: use a second or more.")
        end = None if timeout is None else sdk.waits.now() + to_milliseconds(timeout)
        return sdk.waits.until_true(function, pause, end)


def _moment(duration: Duration | None, units: Units) -> int:
    check_options(units, Units.__annotations__)
    if (duration is None) == (not units):
        raise BadDuration("wait.for_ takes a duration, or units such as hours=1: one of the two.")
    parts: dict[str, Any] = dict(units)
    months = parts.pop("years", 0) * 12 + parts.pop("months", 0)
    if months < 0 or not isinstance(months, int):
        raise BadDuration(duration=f"{months} months")
    return sdk.waits.after(to_milliseconds(timedelta(**parts) if duration is None else duration), months)


wait = Wait()


def checkpoint(key: str, data: Any = None) -> Awaitable[None]:
    """Store the state of the run under a name, and go on: a retry begins after this line.

    Args:
        key: the name.
        data: a JSON value that is shown with the checkpoint.

    Raises:
        CheckpointRefused: the state can't be stored; the local in the way is named.
        SnapshotTooLarge: it is over the limit; the largest locals are named.
        OutsideRun: this is no task.
    """
    context.check_waits("checkpoint")
    return sdk.waits.for_checkpoint(key, sdk.codec.to_plain(data))
