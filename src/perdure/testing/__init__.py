"""For tests of tasks, and of Perdure itself: `from perdure.testing import Harness`.

In pytest there is a fixture, `perdure`, and nothing to import:

    def test_an_order_waits_for_its_approval(perdure):
        run = perdure.start(process_order, "o1")
        perdure.approve()
        assert run.output == "shipped"
"""

from perdure.core.lazy import on_demand

_HOMES = {
    "Checkpoint": "perdure.testing.lives",
    "FakeClock": "perdure.testing.clock",
    "Harness": "perdure.testing.harness",
    "NoSuchToken": "perdure.testing.errors",
    "NotAwaited": "perdure.testing.errors",
    "NotEnded": "perdure.testing.errors",
    "NotInHarness": "perdure.testing.errors",
    "NotInTest": "perdure.testing.errors",
    "NotResumableWarning": "perdure.testing.errors",
    "OpenToken": "perdure.testing.openness",
    "Run": "perdure.testing.runs",
    "RunStuck": "perdure.testing.errors",
    "Step": "perdure.testing.steps",
    "Stub": "perdure.testing.stubs",
    "Waited": "perdure.testing.lives",
    "WaitsInMemory": "perdure.testing.errors",
}

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]

__getattr__, __dir__ = on_demand(__name__, _HOMES)
