"""What a run waits for, and how it waits, in words: with what the test could do about it."""

import warnings
from collections.abc import Iterator, Sequence

from perdure.core.clock import to_datetime
from perdure.core.lifecycle import Status
from perdure.store import waits
from perdure.store.tokens import Token
from perdure.store.waits import Waiting
from perdure.testing.errors import NotResumableWarning, WaitsInMemory
from perdure.testing.lives import Life
from perdure.testing.world import World

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def why_stuck(world: World, family: Sequence[Life]) -> str:
    """Return what keeps a run from its end, and the next step.

    Args:
        world: what there is.
        family: the run, and those that it waits for.
    """
    sentences: dict[str, None] = {}
    for life in family:
        who = "it" if life is family[0] else f"{life.row.task} ({life.id})"
        if life.status is Status.PENDING_VERSION:
            task = life.row.task
            sentences[
                f"no task {task!r} is imported here: import the module that it is in, or say "
                f"perdure.stub({task!r}, returns=…)."
            ] = None
        for wait in world.waiting(life):
            if wait.kind == waits.TOKEN:
                sentences[f"{who} waits for {_token(world, wait.subject)}"] = None
    return " ".join(sentences) or f"it is {family[0].status.value}, and waits for nothing that is known."


def waits_of(world: World, life: Life) -> str:
    """Return what a run waits for now, for its `repr`."""
    return ", ".join(_told(world, waiting) for waiting in world.waiting(life))


def _told(world: World, waiting: Waiting) -> str:
    if waiting.due_at is not None:
        return f"time until {to_datetime(waiting.due_at):%Y-%m-%d %H:%M:%S}"
    if waiting.kind == waits.RUN and waiting.subject in world.lives:
        return f"run of {world.lives[waiting.subject].row.task}"
    return f"{waiting.kind} {waiting.subject}"


def _token(world: World, id: str) -> str:
    kept = world.tokens.find(id)
    if kept is None:
        return f"token {id}, which was not made in this test."
    tags = f" (tags {', '.join(kept.tags)})" if kept.tags else ""
    step = "perdure.complete(data=…), or perdure.approve() if it is an approval,"
    return f"token {id}{tags}, which nobody has completed: say {step}{_or_later(world, kept.token)} first."


def _or_later(world: World, token: Token) -> str:
    if token.timeout_at is None:
        return ""
    left = duration(token.timeout_at - world.clock.now())
    return f" or let its time pass by perdure.advance({left!r}),"


def duration(milliseconds: int) -> str:
    """Return a duration as people write it: `1h30m`."""
    return "".join(_parts(milliseconds)) or "0s"


def _parts(rest: int) -> Iterator[str]:
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            yield f"{count}{unit}"


def tell(unstorable: Sequence[tuple[Life, str]], *, strict: bool) -> None:
    """Warn of runs that could not be stored when they waited; raises WaitsInMemory if that is an error."""
    for life, reason in unstorable:
        told = WaitsInMemory(run=life.id, task=life.row.task, reason=reason)
        if strict:
            raise told
        warnings.warn(NotResumableWarning(str(told)), stacklevel=2)
