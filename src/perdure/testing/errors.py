"""What a test is told."""

from perdure.core.errors import PerdureError


class RunStuck(PerdureError):
    """Run {run} of task {task} can't go on by itself: {reason}"""

    code = "run_stuck"


class NotEnded(PerdureError):
    """Run {run} of task {task} has not ended: it is {status}{reason}. {step}"""

    code = "not_ended"


class NotAwaited(PerdureError):
    """perdure.{what} was not awaited. In an async test each step is: `await perdure.{what}`.

    In a test that is a plain `def` a step is taken at once, and nothing is awaited.
    """

    code = "not_awaited"


class NotInTest(PerdureError):
    """perdure.{what} is for the test itself: {inside} can't move the time, or wait for runs by it.

    `complete`, `approve`, `decline` and `stub` work everywhere.
    """

    code = "not_in_test"


class NoSuchToken(PerdureError):
    """There is no such token: {there}."""

    code = "no_such_token"


class WaitsInMemory(PerdureError):
    """Run {run} of task {task} waits in memory, since it can't be stored: {reason}"""

    code = "waits_in_memory"


class NotInHarness(PerdureError):
    """perdure.testing does not answer {endpoint} ({summary}) Test it against `perdure dev`."""

    code = "not_in_harness"


class NotResumableWarning(UserWarning):
    """A run waited in memory, since it can't be stored; the local in the way is named."""
