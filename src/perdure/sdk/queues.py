"""Queues, as code defines them."""

from __future__ import annotations

from dataclasses import dataclass

from perdure import wire
from perdure.core.errors import BadOption
from perdure.core.rates import RateLimit

MAX_LIMIT = 100_000
MAX_NAME = 128


@dataclass(frozen=True, kw_only=True)
class _Options:
    """What a queue may have beside its name and limit."""

    #: how many runs of all its concurrency keys together may execute at once
    total_limit: int | None = None
    #: how many of its runs may start in a time
    rate_limit: RateLimit | None = None
    #: whether its runs that fail for good go on the dead-letter list
    dead_letters: bool = False


@dataclass(frozen=True)
class Queue(_Options):
    """A queue that several tasks may share."""

    name: str
    #: how many runs of each of its concurrency keys may execute at once; None: no limit of its own
    concurrency_limit: int | None = None

    def manifest(self) -> wire.manifests.QueueManifest:
        """Return what the server is told of the queue."""
        return wire.manifests.QueueManifest(
            name=self.name,
            concurrency_limit=self.concurrency_limit,
            total_limit=self.total_limit,
            rate_limit=_on_the_wire(self.rate_limit) if self.rate_limit else None,
            dead_letters=self.dead_letters,
        )


_declared: list[Queue] = []


def queue(
    name: str,
    concurrency_limit: int | None = None,
    *,
    total_limit: int | None = None,
    rate_limit: RateLimit | str | None = None,
    dead_letters: bool = False,
) -> Queue:
    """Define a queue.

    Args:
        name: its name, 1 to 128 characters.
        concurrency_limit: how many of its runs may execute at once, 0 (which starts nothing) to 100,000; with
            a `concurrency_key`, how many of each key.  Runs that wait do not count.
        total_limit: how many over all its concurrency keys together.
        rate_limit: how many of its runs may start in a time: `"100/1m"`, or a `RateLimit` to say more.
        dead_letters: whether its runs that fail for good go on the dead-letter list.

    Raises:
        BadOption: the name, a limit or the rate can't be.
    """
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME:
        raise BadOption(option="name", value=name, expected=f"1 to {MAX_NAME} characters")
    check_limit("concurrency_limit", concurrency_limit)
    check_limit("total_limit", total_limit)
    rate = None if rate_limit is None else RateLimit.of(rate_limit)
    made = Queue(name, concurrency_limit, total_limit=total_limit, rate_limit=rate, dead_letters=dead_letters)
    _declared.append(made)
    return made


def check_limit(option: str, limit: int | None) -> None:
    """Refuse what is no limit; raises BadOption."""
    if limit is None:
        return
    if isinstance(limit, bool) or not isinstance(limit, int) or not 0 <= limit <= MAX_LIMIT:
        raise BadOption(option=option, value=limit, expected=f"a whole number, 0 to {MAX_LIMIT}")


def declared() -> list[Queue]:
    """Return the queues that were defined in this process, the latest of each name."""
    return list({made.name: made for made in _declared}.values())


def _on_the_wire(rate: RateLimit) -> wire.manifests.Rate:
    return wire.manifests.Rate(
        limit=rate.limit, period_ms=rate.period_ms, burst=rate.burst, per_key=rate.per_key
    )
