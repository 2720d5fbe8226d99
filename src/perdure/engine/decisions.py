"""What follows a failed attempt, decided as a value: another attempt, or the end."""

from dataclasses import dataclass
from typing import TypeAlias

from perdure.core.clock import from_datetime
from perdure.core.errors import BadOption
from perdure.core.lifecycle import On
from perdure.core.retry import Retry
from perdure.engine.resources import Dice
from perdure.store.rows import Run
from perdure.wire.manifests import RetryPolicy
from perdure.wire.values import ErrorCode
from perdure.wire.workers import Failed

OUT_OF_MEMORY = frozenset({ErrorCode.OUT_OF_MEMORY, ErrorCode.MAYBE_OUT_OF_MEMORY})

HOPELESS = frozenset(
    {ErrorCode.ABORTED, ErrorCode.BAD_INPUT, ErrorCode.BAD_OUTPUT, ErrorCode.NO_TASK, ErrorCode.TOO_LARGE}
)
"""Errors that the same code will make again, so that no other attempt is made."""

ENDS = {"fail": On.FAIL, "crash": On.CRASH, "time_out": On.TIME_OUT, "break": On.BREAK}
"""What happens to a run whose last attempt failed in this way."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again at this moment, on this machine if it is another."""

    moment: int
    machine: str | None = None


@dataclass(frozen=True, slots=True)
class EndAs:
    """Try no more; this is how the run ends."""

    on: On


Decision: TypeAlias = RetryAt | EndAs


def decide(
    run: Run, failed: Failed, policy: RetryPolicy, machine: str | None, *, now: int, dice: Dice
) -> Decision:
    """Return what follows a failed attempt.

    Args:
        run: as it was during the attempt.
        failed: what the worker reported; what the task's code chose there comes before the policy.
        policy: the task's.
        machine: the one the attempt ran on.
        now: the current moment.
        dice: for the spread of the waits.
    """
    end = EndAs(ENDS[failed.how])
    choice = failed.retry
    if choice.skip or failed.how in ("time_out", "break") or failed.error.code in HOPELESS:
        return end
    policy = choice.policy or policy
    if failed.error.code in OUT_OF_MEMORY:
        larger = policy.out_of_memory_machine
        return end if larger is None or larger == machine else RetryAt(now, larger)
    counted = run.attempt - run.spared
    limit = run.max_attempts or policy.max_attempts
    if counted >= limit:
        return end
    if choice.at is not None:
        return RetryAt(max(now, from_datetime(choice.at)))
    if choice.delay_ms is not None:
        return RetryAt(now + max(0, choice.delay_ms))
    return RetryAt(now + retry_of(policy).delay_after(max(counted, 1), dice()))


def retry_of(policy: RetryPolicy) -> Retry:
    """Return a policy of the wire as the rule that computes its waits."""
    try:
        return Retry(
            max_attempts=policy.max_attempts,
            factor=policy.factor,
            min_timeout=policy.min_timeout_ms / 1000,
            max_timeout=policy.max_timeout_ms / 1000,
            randomize=policy.randomize,
        )
    except BadOption:  # max_timeout before min_timeout: wait the shorter of the two
        return Retry(min_timeout=policy.max_timeout_ms / 1000, max_timeout=policy.max_timeout_ms / 1000)
