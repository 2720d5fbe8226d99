"""Which ticks of a schedule run: rules without a database.

A tick is a moment that the cron expression names; it is due when its place in the window comes.  While a
server runs, a tick is seen within moments.  One that is seen more than a minute late was *missed*: no
server ran, or none could.  `skip` lets it go; `catch_up` runs the latest of those that were missed, the
oldest first.

Then each tick meets the runs of earlier ones that have not ended, as the schedule's overlap says.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from perdure.core.cron import cron, upcoming
from perdure.core.spread import delay_ms
from perdure.store.schedules import NO_TICKS, Schedule
from perdure.wire.schedules import UPCOMING

LATE_MS = 60_000
"""A tick that is seen later than this was missed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The ticks of a schedule that are to be done something about, and the one that comes next."""

    due: Sequence[int]
    next_at: int | None
    due_at: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of the ticks that are due."""

    #: those that make runs now, in order
    fired: Sequence[int]
    #: those that wait for the end of an older run
    held: Sequence[int]
    #: whether the runs that have not ended are canceled
    cancels: bool = False


def start_from(schedule: Schedule, now: int) -> Schedule:
    """Return a schedule whose next tick is the first after now; one that is not active has none."""
    if not schedule.is_active:
        return replace(schedule, next_at=None, due_at=None, held=NO_TICKS)
    _, next_at, due_at = _scan(schedule, now + 1, now)
    return replace(schedule, next_at=next_at, due_at=due_at)


def see(schedule: Schedule, now: int) -> Seen:
    """Return the ticks that are due and not let go as missed, and the next."""
    if schedule.next_at is None or schedule.due_at is None or schedule.due_at > now:
        return Seen([], schedule.next_at, schedule.due_at)
    skips = schedule.missed == "skip"
    due, next_at, due_at = _latest(schedule, schedule.next_at, now, 1 if skips else schedule.max_catch_up)
    ticks = [tick for tick, at in due if not skips or now - at <= LATE_MS]
    return Seen(ticks, next_at, due_at)


def decide(schedule: Schedule, due: Sequence[int], *, has_live_run: bool) -> Outcome:
    """Return what becomes of ticks that are due, one after the other."""
    held = held_ticks(schedule)
    match schedule.overlap:
        case "queue":
            line = [*held, *due][-schedule.max_catch_up :]
            return Outcome([], line) if has_live_run else Outcome(line[:1], line[1:])
        case "skip":
            return Outcome([] if has_live_run else due[:1], [])
        case "cancel_old":  # each of them would cancel the one before
            return Outcome(due[-1:], [], cancels=has_live_run and bool(due))
        case _:
            return Outcome([*held, *due], [])  # what waited as the overlap was another


def held_ticks(schedule: Schedule) -> list[int]:
    """Return the ticks that wait for the end of an older run, in order."""
    return json.loads(schedule.held) if schedule.held != NO_TICKS else []


def after(schedule: Schedule, tick: int) -> tuple[int, ...]:
    """Return the ticks that follow one, as a run is told of them."""
    return upcoming(schedule.cron, schedule.timezone, tick - 1, UPCOMING + 1)[1:]


def _latest(
    schedule: Schedule, since: int, now: int, limit: int
) -> tuple[list[tuple[int, int]], int | None, int | None]:
    """Return the latest ticks that are due, and the next, without going through years of them.

    When they are few it looks at all; else it looks back a while, and longer until that is enough.
    """
    few = upcoming(schedule.cron, schedule.timezone, since - 1, UPCOMING + 1)
    back = now - since if few[-1:] > (now,) else (limit + 1) * 60_000
    while True:
        begin = max(since, now - back)
        due, next_at, due_at = _scan(schedule, begin, now)
        if begin == since or len(due) >= limit:
            return due[-limit:], next_at, due_at
        back *= 4


def _scan(schedule: Schedule, begin: int, now: int) -> tuple[list[tuple[int, int]], int | None, int | None]:
    """Return the ticks from a moment on that are due, each with when it was, and the next with its own."""
    due: list[tuple[int, int]] = []
    ticks = _from(schedule, begin)
    tick = next(ticks, None)
    while tick is not None:
        following = next(ticks, None)
        interval = following - tick if following is not None else 0
        at = tick + delay_ms(schedule.spread, schedule.id, interval)
        if at > now:
            return due, tick, at
        due.append((tick, at))
        tick = following
    return due, None, None


def _from(schedule: Schedule, begin: int) -> Iterator[int]:
    """Yield the ticks from a moment on; the first few are found once for all schedules that share them."""
    first = upcoming(schedule.cron, schedule.timezone, begin - 1, UPCOMING + 1)
    yield from first
    if first:
        yield from cron(schedule.cron, schedule.timezone).after(first[-1])
