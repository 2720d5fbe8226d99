"""How much memory a run's processes use, against the limit of its machine.

The limit holds for an executor and all that it has started.  Resident memory is cheap to read, but
counts a page once for each process that shares it, and a fork shares most; so when it is over the
limit, the proportional measure (Linux) decides.
"""

from perdure.worker import system


def tree_memory(pid: int, limit: int) -> int:
    """Return the memory of a process and its descendants, in bytes.

    Args:
        pid: the process at the root.
        limit: up to this, the quick measure is good enough.
    """
    members = [pid, *system.family(pid)]
    resident = sum(map(system.resident_memory, members))
    return resident if resident <= limit else sum(map(system.proportional_memory, members))
