"""The life of a run.

Rule 1: everything that decides which status may follow which is in this file.
Rule 2: this file knows no database, no clock and no worker.  It is asked "may this happen to a run in
        that status?" and answers.

The statuses are those of the public API, with Trigger.dev's spelling.  A run that waits between two
attempts is QUEUED: it has no process and takes its turn when its moment comes.
"""

from enum import StrEnum

from perdure.core.errors import IllegalTransition


class Status(StrEnum):
    """Where a run is in its life."""

    PENDING_VERSION = "PENDING_VERSION"
    DELAYED = "DELAYED"
    QUEUED = "QUEUED"
    DEQUEUED = "DEQUEUED"
    EXECUTING = "EXECUTING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    CRASHED = "CRASHED"
    SYSTEM_FAILURE = "SYSTEM_FAILURE"
    EXPIRED = "EXPIRED"
    TIMED_OUT = "TIMED_OUT"


class On(StrEnum):
    """What can happen to a run."""

    KNOW = "know"  # a worker that has the task connected
    DUE = "due"  # the delay is over
    RESCHEDULE = "reschedule"  # the delay was changed
    CLAIM = "claim"  # handed to a worker under a lease
    START = "start"  # an attempt began
    WAIT = "wait"  # the attempt waits for something, parked or pinned
    RESUME = "resume"  # what a parked run waited for is there
    WAKE = "wake"  # what a pinned run waited for is there
    RELEASE = "release"  # the worker hands the run back, or is gone
    RETRY = "retry"  # the attempt failed and another will follow
    SUCCEED = "succeed"
    FAIL = "fail"
    CRASH = "crash"  # the process died under the run
    BREAK = "break"  # Perdure itself could not run it
    TIME_OUT = "time_out"  # max_duration is used up
    EXPIRE = "expire"  # the TTL ended before it was claimed
    CANCEL = "cancel"


S = Status

_ENDS = {
    On.SUCCEED: S.COMPLETED,
    On.FAIL: S.FAILED,
    On.CRASH: S.CRASHED,
    On.BREAK: S.SYSTEM_FAILURE,
    On.TIME_OUT: S.TIMED_OUT,
    On.CANCEL: S.CANCELED,
}

TRANSITIONS: dict[Status, dict[On, Status]] = {
    S.PENDING_VERSION: {On.KNOW: S.QUEUED, On.EXPIRE: S.EXPIRED, On.CANCEL: S.CANCELED},
    S.DELAYED: {
        On.DUE: S.QUEUED,
        On.RESCHEDULE: S.DELAYED,
        On.EXPIRE: S.EXPIRED,
        On.CANCEL: S.CANCELED,
    },
    S.QUEUED: {
        On.CLAIM: S.DEQUEUED,
        On.BREAK: S.SYSTEM_FAILURE,
        On.EXPIRE: S.EXPIRED,
        On.CANCEL: S.CANCELED,
    },
    S.DEQUEUED: {On.START: S.EXECUTING, On.RELEASE: S.QUEUED, **_ENDS},
    S.EXECUTING: {On.WAIT: S.WAITING, On.RETRY: S.QUEUED, On.RELEASE: S.QUEUED, **_ENDS},
    S.WAITING: {
        On.WAIT: S.WAITING,  # in memory, and now for something else, or stored
        On.RESUME: S.QUEUED,
        On.WAKE: S.EXECUTING,
        On.RETRY: S.QUEUED,  # in memory, where another branch failed
        On.RELEASE: S.QUEUED,
        **_ENDS,
    },
    S.COMPLETED: {},
    S.FAILED: {},
    S.CANCELED: {},
    S.CRASHED: {},
    S.SYSTEM_FAILURE: {},
    S.EXPIRED: {},
    S.TIMED_OUT: {},
}

FINAL = frozenset(status for status, moves in TRANSITIONS.items() if not moves)
"""A run in one of these has ended, and stays so."""

LEASED = frozenset({S.DEQUEUED, S.EXECUTING})
"""A run in one of these is held by a worker, under a lease, and takes a slot of its queue."""

FAILURES = FINAL - {S.COMPLETED, S.CANCELED}
"""A run that ended in one of these frees its idempotency key, so that it can be triggered again."""

DEAD = FAILURES - {S.EXPIRED}
"""A run that ended in one of these failed for good, and goes on the dead-letter list if its task or queue
asks for it.  One that expired did not fail: its TTL says that nobody wants it any more."""


def after(status: Status, on: On) -> Status:
    """Return the status that follows when `on` happens to a run in `status`.

    Raises:
        IllegalTransition: it can't happen to a run in that status.
    """
    try:
        return TRANSITIONS[status][on]
    except KeyError:
        raise IllegalTransition(status=status, on=on) from None


def may(status: Status, on: On) -> bool:
    """Tell whether `on` can happen to a run in `status`."""
    return on in TRANSITIONS[status]


def sources(on: On) -> tuple[Status, ...]:
    """Return the statuses in which `on` can happen, in the order of the table."""
    return tuple(status for status, moves in TRANSITIONS.items() if on in moves)
