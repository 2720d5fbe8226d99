"""The machine presets: how much processor and memory a run may use."""

from dataclasses import dataclass

GIGABYTE = 1024**3

DEFAULT_MACHINE = "small-1x"
"""What a run gets whose task, trigger and project name none."""


@dataclass(frozen=True)
class Machine:
    """A preset."""

    name: str
    #: virtual processors
    cpu: float
    #: bytes
    memory: int


# The presets of Trigger.dev, with its numbers.
MACHINES = {
    machine.name: machine
    for machine in (
        Machine("micro", 0.25, GIGABYTE // 4),
        Machine("small-1x", 0.5, GIGABYTE // 2),
        Machine("small-2x", 1, GIGABYTE),
        Machine("medium-1x", 1, 2 * GIGABYTE),
        Machine("medium-2x", 2, 4 * GIGABYTE),
        Machine("large-1x", 4, 8 * GIGABYTE),
        Machine("large-2x", 8, 16 * GIGABYTE),
    )
}


def machine_for(name: str | None) -> Machine:
    """Return the preset of that name; the default one when there is no name, or none known by it."""
    return MACHINES.get(name or DEFAULT_MACHINE, MACHINES[DEFAULT_MACHINE])


def next_larger(machine: Machine) -> Machine | None:
    """Return the smallest preset with more memory, or None after the largest."""
    larger = (other for other in MACHINES.values() if other.memory > machine.memory)
    return min(larger, key=lambda other: other.memory, default=None)


def megabytes(size: float) -> str:
    """Return a size in bytes as people read it: `512 MB`."""
    return f"{size / 1024**2:,.0f} MB"
