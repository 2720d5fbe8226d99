"""What a run waits for: the requests that its coroutine hands to its host, and that are stored with it."""

from dataclasses import dataclass
from typing import Any, Protocol

from perdure.core.clock import to_datetime
from perdure.core.errors import AnswerInvalid, BatchClosed, NotFound, WaitTimeout
from perdure.core.lifecycle import Status
from perdure.sdk import codec, superjson
from perdure.sdk.handle import run_failed
from perdure.sdk.payload import Definition
from perdure.wire.values import JSON, SUPER_JSON
from perdure.wire.waits import Answer, Wait, WaitKind

Subject = tuple[str, str]
"""The kind and the name of what is waited for."""


class Request(Protocol):
    """Something to wait for."""

    def wait(self) -> Wait:
        """Return what to report."""
        ...

    def read(self, answer: Answer) -> Any:
        """Return what the wait gives to the task, or raise what it raises."""
        ...


@dataclass(frozen=True)
class TimeWait:
    """A moment, in milliseconds since the Unix epoch."""

    subject: str
    until: int

    def wait(self) -> Wait:
        """Return what to report."""
        return Wait(kind=WaitKind.TIME, subject=self.subject, until=to_datetime(self.until))

    def read(self, answer: Answer) -> None:
        """Return nothing."""


@dataclass(frozen=True)
class TokenWait:
    """A token, and the type of its data."""

    token: str
    model: Any = None

    def wait(self) -> Wait:
        """Return what to report."""
        return Wait(kind=WaitKind.TOKEN, subject=self.token)

    def read(self, answer: Answer) -> Any:
        """Return what the token was completed with.

        Raises:
            WaitTimeout: its time is over.
            AnswerInvalid: the data does not fit the model.
            NotFound: there is no such token.
        """
        if answer.error is not None and answer.error.name == NotFound.__name__:
            raise NotFound(kind="token", name=self.token)
        if answer.error is not None:
            raise WaitTimeout(what=f"The answer to token {self.token}")
        try:
            return self._data(answer.output, answer.output_type)
        except codec.Unfit as error:
            name = getattr(self.model, "__name__", str(self.model))
            raise AnswerInvalid(token=self.token, model=name, problems=error) from None

    def _data(self, output: str | None, kind: str) -> Any:
        hint = Any if self.model is None else self.model
        if output is None or kind == JSON:
            return codec.Codec(hint).read_json(output or "null")
        value = superjson.loads(output) if kind == SUPER_JSON else output
        return codec.Codec(hint).read(value)


@dataclass(frozen=True)
class RunWait:
    """A run, and its task."""

    run: str
    task: Definition

    def wait(self) -> Wait:
        """Return what to report."""
        return Wait(kind=WaitKind.RUN, subject=self.run)

    def read(self, answer: Answer) -> Any:
        """Return what the run's task returned.

        Raises:
            RunFailed: the run did not succeed.
        """
        if answer.status is Status.COMPLETED:
            return self.task.shape.decode_output(answer.output)
        raise run_failed(self.run, self.task.id, answer.status, answer.error)


@dataclass(frozen=True)
class BatchWait:
    """A batch, until all its runs have ended."""

    batch: str

    def wait(self) -> Wait:
        """Return what to report."""
        return Wait(kind=WaitKind.BATCH, subject=self.batch)

    def read(self, answer: Answer) -> None:
        """Return nothing: results are asked for when the wait is over, as they may be large.

        Raises:
            BatchClosed: the batch was given up.
        """
        if answer.error is not None:
            raise BatchClosed(answer.error.message)


@dataclass
class CheckpointRequest:
    """A state to be stored under a key, before the run goes on."""

    key: str
    data: Any = None
    #: set just before the state is taken, so that in the state itself the checkpoint is done
    is_stored: bool = False


def subject_of(wait: Wait) -> Subject:
    """Return what identifies a wait in its run."""
    return wait.kind.value, wait.subject
