"""Where a run executes: how large a machine, and how far apart from other runs."""

from typing import Literal, get_args

MachineName = Literal["micro", "small-1x", "small-2x", "medium-1x", "medium-2x", "large-1x", "large-2x"]
MACHINES: tuple[str, ...] = get_args(MachineName)

Isolation = Literal["process", "shared", "fresh", "container"]
ISOLATIONS: tuple[str, ...] = get_args(Isolation)
