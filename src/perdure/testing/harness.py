"""The harness: tasks run in the test's own process, with a time that the test moves."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from perdure.client.calls import runs as calls
from perdure.core.clock import from_datetime, to_datetime
from perdure.core.duration import Duration, to_milliseconds
from perdure.core.errors import BadOption
from perdure.sdk.codec import to_plain
from perdure.sdk.project import Project
from perdure.sdk.task import Task
from perdure.sdk.triggerable import Triggerable
from perdure.sdk.wait import Approval
from perdure.testing.answers import answer
from perdure.testing.clients import InProcessAsyncClient, InProcessClient
from perdure.testing.clock import FakeClock
from perdure.testing.driver import Driver
from perdure.testing.openness import Choice, OpenToken, choose, open_tokens
from perdure.testing.rewriting import make_resumable
from perdure.testing.runs import Run
from perdure.testing.steps import Step, Steps, Work
from perdure.testing.stubs import Stub, unknown_task
from perdure.testing.surroundings import current, surroundings
from perdure.testing.telling import tell
from perdure.testing.world import World

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Harness:
    """Runs tasks in this process: no server, no database, no network, and a time of its own.

    It is the pytest fixture `perdure`; elsewhere it is a context manager, `with Harness() as perdure:`.
    What takes time is a *step*: `start`, `run`, `advance`, `finish`, …  In a plain function a step is
    taken at once; in an `async def` it is awaited, and runs share the event loop of the test.
    """

    def __init__(
        self,
        *,
        cross: bool = True,
        strict: bool = False,
        start: datetime | None = None,
        project: Project | None = None,
    ) -> None:
        """Begin with no runs.

        Args:
            cross: at every wait, store the run as bytes, forget it, and go on from the bytes, as a worker
                does; else it waits in memory.
            strict: a run that can't be stored when it waits is an error instead of a warning.
            start: what time it is, with a time zone; now, by default.
            project: the project whose `init.py` files are imported, and whose defaults tasks take over.
        """
        self._clock = FakeClock(time.time_ns() // 1_000_000 if start is None else from_datetime(start))
        self._strict = strict
        self._project = project
        self._rewritten: set[int] = set()
        self._world = World(self._clock, self._prepare)
        self._driver = Driver(self._world, stores=cross, move_to=self._clock.move_to)
        self._steps = Steps()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        clients = (
            InProcessAsyncClient(self._world, self._driver),
            InProcessClient(self._world, self._driver, self._steps),
        )
        self._stack.enter_context(surroundings(self, clients, self._project))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            self._steps.close(self._driver.stop)
        if kind is None:
            self._steps.check()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._driver.stop()
        self.__exit__(kind, error, trace)

    # Runs.

    def start(self, task: Triggerable[P, R], *args: P.args, **kwargs: P.kwargs) -> Run[R]:
        """Trigger a run and let it go on until it waits or has ended; a step.

        Args:
            task: the task, or one with options: `perdure.start(send.options(tags=["user:1"]), "Ann")`.
            args: its parameters, as for `trigger`.
            kwargs: the same.

        Returns:
            The run; in an `async def`, `await` this to get it.
        """
        __tracebackhide__ = True
        self._name(task, "start(…)")
        run = self._shown(task.trigger_sync(*args, **kwargs).id)
        return run.after(self._take("start(…)", self._driver.settle, run))

    def run(self, task: Triggerable[P, R], *args: P.args, **kwargs: P.kwargs) -> Run[R]:
        """Trigger a run and let time pass until it has ended, well or not; a step.

        Args:
            task: the task, or one with options.
            args: its parameters, as for `trigger`.
            kwargs: the same.

        Returns:
            The run, with its `status`, `output`, `logs`, …; in an `async def`, `await` this to get it.

        Raises:
            RunStuck: it waits for something that does not come by itself, such as a token.
        """
        __tracebackhide__ = True
        self._name(task, "run(…)")
        run = self._shown(task.trigger_sync(*args, **kwargs).id)
        return run.after(self._take("run(…)", self._finishing(run), run))

    def finish(self, run: Run[R]) -> Step[Run[R]]:
        """Let time pass until a run has ended; a step.  Raises RunStuck if it can't end by itself."""
        __tracebackhide__ = True
        return self._take("finish(…)", self._finishing(run), run)

    @property
    def runs(self) -> list[Run[Any]]:
        """All runs of the test, in the order in which they were triggered."""
        return [self._shown(life.id) for life in self._world.lives.values()]

    def runs_of(self, task: Task[..., Any] | str) -> list[Run[Any]]:
        """The runs of a task, in the order in which they were triggered."""
        id = task if isinstance(task, str) else task.id
        return [run for run in self.runs if run.task == id]

    def cancel(self, run: Run[Any]) -> Step[None]:
        """Cancel a run and its unfinished children; a step."""
        self._world.cancel(run.id)
        return self._take("cancel(…)", self._driver.settle, None)

    def replay(
        self,
        run: Run[R],
        *,
        from_: str | int | None = None,
        locals: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Run[R]:
        """Trigger a run like another and let it go on until it waits or has ended; a step.

        Args:
            run: the other; it may have any status.
            from_: where to begin: a checkpoint's key, the number of a stored state, or `"last"`; at the top
                by default.
            locals: new values of locals in that state, by name.
            changes: `payload` and the options of a trigger that are to differ.

        Returns:
            The new run; in an `async def`, `await` this to get it.

        Raises:
            NotFound: there is no such state.
            BadOption: there is no such local or option, or a value can't be.
        """
        __tracebackhide__ = True
        self._steps.check_place("replay(…)")
        call = calls.replay(run.id, changes, calls.begin_at(from_, locals))
        made = self._shown(answer(self._world, call).id)
        return made.after(self._take("replay(…)", self._driver.settle, made))

    def stub(
        self,
        task: Task[..., Any] | str,
        function: Callable[..., Any] | None = None,
        *,
        returns: Any = None,
        raises: BaseException | type[BaseException] | None = None,
    ) -> Stub:
        """Do not run a task, but return or raise something in its place.

        Args:
            task: the task, or the id of one that is not imported here.
            function: is called with the task's parameters; blocking or async.
            returns: what the task returns.
            raises: what it raises; its run fails at once, without another attempt.

        Returns:
            What stands in; `payloads` tells what it was triggered with.

        Raises:
            BadOption: more than one of function, returns and raises is given.
        """
        if sum(given is not None for given in (function, returns, raises)) > 1:
            raise BadOption(option="stub", value=task, expected="one of a function, returns= and raises=")
        known = self._world.task(task) if isinstance(task, str) else task
        known = known or unknown_task(str(task))
        self._world.know(known)
        self._driver.stubs[known.id] = made = Stub(known, function, returns, raises)
        return made

    def schedule(self, task: Task[..., Any]) -> None:
        """Let the schedules tick that a task declares (`@task(cron=…)`), from now on, as time passes.

        They tick whichever environments they are for; each tick makes a run of the task.

        Args:
            task: the task.

        Raises:
            BadOption: it declares no schedule.
        """
        self._name(task, "schedule(…)")
        self._world.schedules.declare(task, self._clock.now())

    # Time.

    @property
    def now(self) -> datetime:
        """What time it is for the runs."""
        return to_datetime(self._clock.now())

    def advance(self, by: Duration) -> Step[None]:
        """Let time pass, and everything happen until then; a step.

        Args:
            by: how long: seconds, a text such as `"1d"`, or a timedelta.
        """
        moment = self._clock.now() + to_milliseconds(by)
        return self._take(f"advance({by!r})", lambda: self._driver.advance_to(moment), None)

    def advance_to(self, moment: datetime) -> Step[None]:
        """Let time pass until a moment, with a time zone; a step.

        Raises:
            BadOption: the moment is past.
        """
        until = from_datetime(moment)
        if until < self._clock.now():
            raise BadOption(option="moment", value=moment, expected=f"one after {self.now}")
        return self._take(f"advance_to({moment!r})", lambda: self._driver.advance_to(until), None)

    def settle(self) -> Step[None]:
        """Let everything go on that can, without any time passing; a step.

        The runs that other code has triggered begin with the next step, whichever it is.
        """
        return self._take("settle()", self._driver.settle, None)

    # Tokens.

    @property
    def tokens(self) -> list[OpenToken]:
        """The tokens that nobody has completed yet, and what waits for them."""
        return open_tokens(self._world)

    def complete(self, token: Choice = None, data: Any = None) -> Step[None]:
        """Complete a token, as an outsider does by its URL; a step.

        A token that is completed already, or whose time is over, stays as it is.

        Args:
            token: the token, its id or its callback URL, or a function that picks it among the open ones;
                by default, the only one.
            data: the answer: a JSON value, or what can be one, such as a Pydantic model.

        Raises:
            NoSuchToken: none, or more than one, is meant.
            NotFound: there is no token of this id.
        """
        chosen = choose(self._world, token)
        self._world.complete(chosen, to_plain(data), by="callback")
        return self._steps.take("complete(…)", self._telling(self._driver.settle), None, is_needed=False)

    def approve(
        self, token: Choice = None, *, by: str | None = None, reason: str | None = None
    ) -> Step[None]:
        """Say yes to what `wait.for_approval` asked; a step.  Takes and raises what `complete` does."""
        return self.complete(token, Approval(True, by, reason))

    def decline(
        self, token: Choice = None, *, by: str | None = None, reason: str | None = None
    ) -> Step[None]:
        """Say no to what `wait.for_approval` asked; a step.  Takes and raises what `complete` does."""
        return self.complete(token, Approval(False, by, reason))

    def __reduce__(self) -> Any:
        """A harness that a task holds while it is stored is still the same afterwards."""
        return current, ()

    def __repr__(self) -> str:
        return f"<Harness at {self._world.now()}: {len(self._world.lives)} runs>"

    def _name(self, task: Triggerable[..., Any], what: str) -> None:
        """Let a task that is triggered by the test be the one of its id."""
        self._steps.check_place(what)
        if not isinstance(task, Triggerable):
            raise BadOption(option="task", value=task, expected="a task: a function with @task above it")
        if isinstance(task, Task):
            self._world.know(task)

    def _take(self, what: str, work: Work, value: T) -> Step[T]:
        __tracebackhide__ = True
        return self._steps.take(what, self._telling(work), value)

    def _telling(self, work: Work) -> Work:
        """Return work that also tells which runs could not be stored."""

        async def whole() -> None:
            __tracebackhide__ = True
            await work()
            tell(self._driver.take_unstorable(), strict=self._strict)

        return whole

    def _finishing(self, run: Run[Any]) -> Work:
        return lambda: self._driver.finish(self._world.get(run.id))

    def _shown(self, run: str) -> Run[Any]:
        return Run(self._world, self._world.get(run), self.finish)

    def _prepare(self, task: Task[..., Any]) -> None:
        make_resumable(task, self._rewritten)
        if self._project is not None:
            task.settings = task.settings.over(self._project.defaults)
