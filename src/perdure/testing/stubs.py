"""Tasks that do not run in a test: what they return, or raise, is said by it."""

import inspect
from collections.abc import Callable
from typing import Any

from perdure.core.errors import OutputInvalid, PayloadInvalid
from perdure.sdk import registry
from perdure.sdk.failures import internal, run_error
from perdure.sdk.task import Task, task
from perdure.testing.hosting import inside
from perdure.testing.lives import Life
from perdure.wire.values import ErrorCode, RunError
from perdure.wire.workers import Assignment, Failed, RetryChoice, Succeeded


class Stub:
    """What stands in for a task; it is triggered as the task is, and its runs are recorded.

    The payload and the result are still read and written by the task's annotations.  Neither hooks nor
    middleware run, and a failure is not tried again.
    """

    def __init__(
        self, task: Task[..., Any], function: Callable[..., Any] | None, returns: Any, raises: Any
    ) -> None:
        self.task = task
        #: what it was triggered with, in order: the parameters by name, or the whole payload
        self.payloads: list[Any] = []
        self._function = function
        self._returns = returns
        self._raises = raises

    async def attempt(self, life: Life, handed: Assignment) -> Succeeded | Failed:
        """Stand in for an attempt; return what to report."""
        inside.set(life.id)
        ref = {"run_id": handed.run_id, "fence": handed.fence}
        try:
            arguments = self.task.shape.decode(handed.payload, handed.payload_type)
            self.payloads.append(arguments.payload)
            output = self.task.shape.encode_output(await self._output(arguments.named))
        except Exception as error:
            life.exception = error
            return Failed(**ref, error=_told(error), retry=RetryChoice(skip=True))
        return Succeeded(**ref, output=output)

    async def _output(self, named: dict[str, Any]) -> Any:
        if self._raises is not None:
            raise self._raises
        if self._function is None:
            return self._returns
        answer = self._function(**named)
        return await answer if inspect.isawaitable(answer) else answer

    def __repr__(self) -> str:
        return f"<Stub of {self.task.id}: {len(self.payloads)} runs>"


def unknown_task(id: str) -> Task[..., Any]:
    """Return a task for an id of which no code is imported; it takes any payload."""

    async def stub(payload: Any = None) -> Any:
        return payload

    made = task(id=id)(stub)
    registry.remove(made)
    return made


def _told(error: Exception) -> RunError:
    if isinstance(error, PayloadInvalid):
        return internal(ErrorCode.BAD_INPUT, error)
    return internal(ErrorCode.BAD_OUTPUT, error) if isinstance(error, OutputInvalid) else run_error(error)
