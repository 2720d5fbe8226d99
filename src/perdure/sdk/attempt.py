"""One attempt of a run, from its payload to its result.

    middleware (global, then the task's)
        on_start_attempt → the task → on_success
                                    ↘ catch_error → on_failure, when no other attempt follows
        on_complete, when no other attempt follows

A run that parks ends here for now, by `RunParked`: on_wait, and then the middleware ends.  One that goes on
from a stored state begins with its middleware and on_resume, and then the task goes on where it was.

An error of the task, or of `on_start_attempt`, fails the attempt; it is raised through the middleware,
which may put another in its place.  An error of the middleware's own fails the attempt too.  One in
`on_wait`, `on_resume`, `on_success`, `on_failure`, `on_complete` or `on_cancel` is logged and changes
nothing.
"""

import asyncio
import base64
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from perdure.core.clock import from_datetime, to_datetime
from perdure.core.duration import to_milliseconds
from perdure.core.errors import AbortRun, CannotGoOn, OutputInvalid, PayloadInvalid
from perdure.core.retry import Retry
from perdure.resumable import CodeChanged
from perdure.sdk import capture, children, listening, local, metadata, span
from perdure.sdk.cancel import RunCanceled
from perdure.sdk.context import RunContext, entered
from perdure.sdk.failures import internal, run_error
from perdure.sdk.hooks import Hook, Result, RetryAt, RetryIn, SkipRetry, call, hooks
from perdure.sdk.parking import RunParked, State
from perdure.sdk.payload import Arguments
from perdure.sdk.runtime import Runtime
from perdure.sdk.task import Task, retry_policy
from perdure.wire.values import EnvironmentType, ErrorCode, RunError
from perdure.wire.workers import Assignment, Failed, Parked, RetryChoice, Succeeded, WorkerEnvironment

Outcome = Succeeded | Failed | Parked

_RESTART = 'Or replay it from the top; a task with on_code_change="restart" begins there by itself.'


async def run_attempt(
    task: Task[..., Any], assignment: Assignment, environment: WorkerEnvironment, runtime: Runtime
) -> Outcome:
    """Run one attempt of a run, and return what to report.

    Args:
        task: the task.
        assignment: the run, as the server handed it out.
        environment: the environment the run is in.
        runtime: the host, which takes logs and changes of metadata.

    Raises:
        asyncio.CancelledError, RunCanceled: the attempt was stopped, after the `on_cancel` hooks.
        SystemExit, KeyboardInterrupt: the task asked for it.
    """
    capture.install()
    context = RunContext.of(assignment, environment, task.file_path)
    with entered(context, runtime):
        capture.begin()
        local.begin()
        span.begin()
        listening.begin()
        metadata.begin(dict(assignment.metadata))
        children.begin(assignment.run_id, assignment.snapshot_number, assignment.tries)
        try:
            return await _Attempt(task, assignment, context, runtime).run()
        finally:
            listening.end()
            capture.finish()


class _Attempt:
    def __init__(self, task: Task[..., Any], run: Assignment, context: RunContext, runtime: Runtime) -> None:
        self._task = task
        self._run = run
        self._context = context
        self._runtime = runtime
        self._began = time.monotonic()
        self._facts: dict[str, Any] = {"ctx": context, "payload": None}
        #: what is to be reported, once the task has ended
        self._outcome: Outcome | None = None
        #: the error that the task ended with, if it did
        self._error: Exception | None = None
        self._is_canceled = False
        #: what goes on from a stored state, until it does
        self._restored: Coroutine[Any, Any, Any] | None = None

    async def run(self) -> Outcome:
        try:
            arguments = self._task.shape.decode(self._run.payload, self._run.payload_type)
        except PayloadInvalid as error:
            return await self._failure(error, ErrorCode.BAD_INPUT)
        self._facts["payload"] = arguments.payload
        try:
            self._restored = self._restore(arguments)
        except CannotGoOn as error:
            return await self._failure(error)
        try:
            return await self._wrapped(arguments)
        except RunParked as parked:
            return self._parked(parked.state)
        except (asyncio.CancelledError, RunCanceled):
            await self._canceled()
            raise
        except Exception as error:
            return await self._failure_of_middleware(error)

    async def _wrapped(self, arguments: Arguments) -> Outcome:
        """Run the task and its hooks inside its middleware."""

        async def innermost() -> Any:
            return await self._task_and_hooks(arguments)

        chain: Callable[[], Awaitable[Any]] = innermost
        for hook in reversed(self._hooks("middleware")):
            chain = self._layer(hook, chain)
        await chain()
        assert self._outcome is not None  # each layer has awaited the next
        return self._outcome

    def _layer(self, hook: Hook, inner: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
        """Return what runs a piece of middleware, which runs the rest by `await call_next()`."""

        async def outer() -> Any:
            outputs: list[Any] = []

            async def call_next() -> Any:
                outputs.append(await inner())
                return outputs[-1]

            await call(hook, {**self._facts, "call_next": call_next})
            if self._outcome is None:
                name = getattr(hook, "__qualname__", repr(hook))
                raise RuntimeError(f"Middleware {name} did not run the task: it must await call_next().")
            return outputs[-1] if outputs else None

        return outer

    async def _task_and_hooks(self, arguments: Arguments) -> Any:
        if isinstance(self._outcome, Parked):
            raise RuntimeError("The run is parked: middleware must not await call_next() again.")
        try:
            output = await self._output(arguments)
        except RunParked as parked:
            self._outcome = self._parked(parked.state)
            await self._quietly("on_wait")
            raise
        except (asyncio.CancelledError, RunCanceled):
            await self._canceled()
            raise
        except Exception as error:
            self._error, self._outcome = error, await self._failure(error)
            raise
        return await self._returned(output)

    async def _output(self, arguments: Arguments) -> Any:
        """Begin the task, or go on with it; return what it returns."""
        coroutine, self._restored = self._restored, None
        if coroutine is not None:
            await self._quietly("on_resume")
            return await self._runtime.parking.run(coroutine)
        for hook in self._hooks("on_start_attempt"):
            await call(hook, self._facts)
        self._runtime.parking.may_block = not self._task.is_async
        try:
            result = self._task.function(**arguments.named)
        finally:
            self._runtime.parking.may_block = False
        if inspect.iscoroutine(result):
            return await self._runtime.parking.run(result)
        return await result if inspect.isawaitable(result) else result

    def _restore(self, arguments: Arguments) -> Coroutine[Any, Any, Any] | None:
        """Return what goes on from the stored state; None is to begin at the top.

        Raises:
            CannotGoOn: there is a state, and it can't be restored.
        """
        if self._run.snapshot is None:
            return None
        data = base64.b64decode(self._run.snapshot)
        try:
            return self._runtime.parking.restore(data, self._run.changes, arguments.named)
        except CodeChanged as error:
            if self._run.changes or not self._may_restart():
                raise CannotGoOn(reason=f"{error}. {_RESTART}") from error
            self._runtime.log("warning", f"{error}. It begins again at the top.", None, "perdure")
            children.begin(self._run.run_id, 0, self._run.tries)
            return None

    def _may_restart(self) -> bool:
        is_dev = self._context.environment.type is EnvironmentType.DEV
        return is_dev or self._task.settings.on_code_change == "restart"

    def _parked(self, state: State) -> Parked:
        return Parked(
            run_id=self._run.run_id,
            fence=self._run.fence,
            snapshot=base64.b64encode(state.snapshot).decode(),
            frames=state.frames,
            waits=state.waits,
            duration_ms=self._duration(),
        )

    async def _returned(self, output: Any) -> Any:
        try:
            packet = self._task.shape.encode_output(output)
        except OutputInvalid as error:
            self._error, self._outcome = error, await self._failure(error, ErrorCode.BAD_OUTPUT)
            raise
        await self._quietly("on_success", output=output)
        await self._quietly("on_complete", result=Result(True, output=output), output=output)
        self._outcome = Succeeded(
            run_id=self._run.run_id, fence=self._run.fence, output=packet, duration_ms=self._duration()
        )
        return output

    async def _failure_of_middleware(self, error: Exception) -> Outcome:
        """Return what to report when an error came out of the middleware: the task's, or one of its own."""
        if error is self._error and self._outcome is not None:
            return self._outcome
        if isinstance(self._outcome, Failed):  # the hooks have run; the middleware only says it otherwise
            skip = RetryChoice(skip=True) if isinstance(error, AbortRun) else self._outcome.retry
            return self._failed(run_error(error), skip)
        return await self._failure(error)

    async def _failure(self, error: Exception, code: ErrorCode | None = None) -> Outcome:
        """Run the hooks of a failed attempt, and return what to report.

        Args:
            error: what the attempt failed with.
            code: Perdure's own word for it; another attempt would then fail as well.
        """
        choice = RetryChoice(skip=code is not None or isinstance(error, (AbortRun, CannotGoOn)))
        if not choice.skip:
            try:
                choice = await self._choose(error)
            except Exception as second:
                return self._failed(internal(ErrorCode.CATCH_ERROR, second), choice, how="crash")
        if choice.skip or self._run.attempt >= self._max_attempts(choice):
            await self._quietly("on_failure", error=error)
            await self._quietly("on_complete", result=Result(False, error=error), error=error)
        return self._failed(internal(code, error) if code else run_error(error), choice)

    def _max_attempts(self, choice: RetryChoice) -> int:
        return choice.policy.max_attempts if choice.policy else self._run.max_attempts

    async def _choose(self, error: Exception) -> RetryChoice:
        """Ask the `catch_error` hooks, the task's first; the first that answers decides."""
        for hook in [*self._task.hooks.by_kind["catch_error"], *hooks.by_kind["catch_error"]]:
            answer = await call(hook, {**self._facts, "error": error})
            if answer is not None:
                return _choice(answer)
        return RetryChoice()

    async def _canceled(self) -> None:
        """Run the `on_cancel` hooks, once: in the middleware, or else around it."""
        if self._runtime.canceled and not self._is_canceled:
            self._is_canceled = True
            await self._quietly("on_cancel")

    async def _quietly(self, kind: str, **facts: Any) -> None:
        """Call hooks whose errors change nothing."""
        for hook in self._hooks(kind):
            try:
                await call(hook, {**self._facts, **facts})
            except Exception as error:
                name = getattr(hook, "__qualname__", repr(hook))
                told = run_error(error)
                message = f"Hook {kind} {name} failed: {told.name}: {told.message}\n{told.stack_trace}"
                self._runtime.log("error", message, None, "perdure")

    def _hooks(self, kind: str) -> list[Hook]:
        return [*hooks.by_kind[kind], *self._task.hooks.by_kind[kind]]

    def _failed(self, error: RunError, choice: RetryChoice, *, how: Any = "fail") -> Failed:
        return Failed(
            run_id=self._run.run_id,
            fence=self._run.fence,
            how=how,
            error=error,
            retry=choice,
            duration_ms=self._duration(),
        )

    def _duration(self) -> float:
        return (time.monotonic() - self._began) * 1000


def _choice(answer: Any) -> RetryChoice:
    if isinstance(answer, SkipRetry):
        return RetryChoice(skip=True)
    if isinstance(answer, RetryAt):
        return RetryChoice(at=to_datetime(from_datetime(answer.when)))
    if isinstance(answer, RetryIn):
        return RetryChoice(delay_ms=to_milliseconds(answer.delay))
    if isinstance(answer, Retry):
        return RetryChoice(policy=retry_policy(answer))
    raise TypeError(
        f"catch_error returned {answer!r}: use RetryAt(moment), RetryIn(duration), SkipRetry(), a Retry, "
        "or nothing."
    )
