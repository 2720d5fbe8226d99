from perdure.testing.clock import FakeClock as FakeClock
from perdure.testing.errors import NoSuchToken as NoSuchToken
from perdure.testing.errors import NotAwaited as NotAwaited
from perdure.testing.errors import NotEnded as NotEnded
from perdure.testing.errors import NotInHarness as NotInHarness
from perdure.testing.errors import NotInTest as NotInTest
from perdure.testing.errors import NotResumableWarning as NotResumableWarning
from perdure.testing.errors import RunStuck as RunStuck
from perdure.testing.errors import WaitsInMemory as WaitsInMemory
from perdure.testing.harness import Harness as Harness
from perdure.testing.lives import Checkpoint as Checkpoint
from perdure.testing.lives import Waited as Waited
from perdure.testing.openness import OpenToken as OpenToken
from perdure.testing.runs import Run as Run
from perdure.testing.steps import Step as Step
from perdure.testing.stubs import Stub as Stub

__all__ = [
    "Checkpoint",
    "FakeClock",
    "Harness",
    "NoSuchToken",
    "NotAwaited",
    "NotEnded",
    "NotInHarness",
    "NotInTest",
    "NotResumableWarning",
    "OpenToken",
    "Run",
    "RunStuck",
    "Step",
    "Stub",
    "Waited",
    "WaitsInMemory",
]
