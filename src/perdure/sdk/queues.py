"""Queues, as code defines them."""

from __future__ import annotations

from dataclasses import dataclass

from perdure import wire
from perdure.core.errors import BadOption

MAX_LIMIT = 100_000
MAX_NAME = 128


@dataclass(frozen=True)
class Queue:
    """A queue that several tasks may share."""

    name: str
    #: how many of its runs may execute at once; None: as many as the environment allows
    concurrency_limit: int | None = None

    def manifest(self) -> wire.manifests.QueueManifest:
        """Return what the server is told of the queue."""
        return wire.manifests.QueueManifest(name=self.name, concurrency_limit=self.concurrency_limit)


_declared: list[Queue] = []


def queue(name: str, concurrency_limit: int | None = None) -> Queue:
    """Define a queue.

    Args:
        name: its name, 1 to 128 characters.
        concurrency_limit: how many of its runs may execute at once; waiting runs do not count.

    Raises:
        BadOption: the name or the limit can't be.
    """
    if not 1 <= len(name) <= MAX_NAME:
        raise BadOption(option="name", value=name, expected=f"1 to {MAX_NAME} characters")
    if concurrency_limit is not None and not 0 <= concurrency_limit <= MAX_LIMIT:
        raise BadOption(option="concurrency_limit", value=concurrency_limit, expected=f"0 to {MAX_LIMIT}")
    made = Queue(name, concurrency_limit)
    _declared.append(made)
    return made


def declared() -> list[Queue]:
    """Return the queues that were defined in this process, the latest of each name."""
    return list({made.name: made for made in _declared}.values())
