"""How much memory a run's processes use, against the limit of its machine.

The limit holds for an executor and all that it has started.  Resident memory is cheap to read, but
counts a page once for each process that shares it, and a fork shares most; so when it is over the
limit, the proportional measure (Linux) decides.
"""

from collections import deque

from perdure.worker import system

_NEAR = 0.9
"""A process was near its limit that used this part of it."""

_LOOKS = 8
"""What the kernel killed since so many looks ago may be what has just ended."""


class KernelWatch:
    """Tells whether a process that was killed from outside was killed for its memory."""

    def __init__(self) -> None:
        self._kills = deque([system.oom_kills()], maxlen=_LOOKS)

    def look(self) -> None:
        """Take note of what the kernel has done up to now; called every now and then."""
        self._kills.append(system.oom_kills())

    def may_be_out_of_memory(self, peak: int, limit: int) -> bool:
        """Tell whether a process that has just been killed ran out of memory.

        Args:
            peak: the most that was seen of it, in bytes.
            limit: what it may use.
        """
        return peak >= limit * _NEAR or system.oom_kills() > self._kills[0]


def tree_memory(pid: int, limit: int) -> int:
    """Return the memory of a process and its descendants, in bytes.

    Args:
        pid: the process at the root.
        limit: up to this, the quick measure is good enough.
    """
    members = [pid, *system.family(pid)]
    resident = sum(map(system.resident_memory, members))
    return resident if resident <= limit else sum(map(system.proportional_memory, members))
