"""Bugs that are planted on purpose, to see that the simulation finds them: `./dev simulate --plant NAME`."""

from collections.abc import Callable
from typing import Any

from perdure.engine import once, tokens
from perdure.engine.reports import RunReport
from perdure.engine.rescue import Rescue


def _without_fence() -> None:
    add = RunReport.add

    def plant(self: RunReport, worker: str, item: Any) -> Any:
        return add(self, self.run.worker or "", item.model_copy(update={"fence": self.run.fence}))

    RunReport.add = plant  # type: ignore[method-assign]


def _without_waking() -> None:
    async def plant(*_: Any) -> None:
        """Wake nobody."""

    tokens.wake_waiters = plant  # type: ignore[attr-defined]


def _without_keys() -> None:
    async def plant(*_: Any) -> dict[str, Any]:
        return {}

    once.existing = plant  # type: ignore[assignment]


def _without_rescue() -> None:
    async def plant(_: Any) -> int:
        return 0

    Rescue.run_once = plant  # type: ignore[method-assign]


PLANTS: dict[str, Callable[[], None]] = {
    "fence": _without_fence,
    "wake": _without_waking,
    "keys": _without_keys,
    "rescue": _without_rescue,
}
"""What each switches off: the check of a report's fence; waking who waits for a token; the keys of triggers;
taking runs back from a worker that is gone."""
