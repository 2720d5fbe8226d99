"""`wait`: what a task can wait for without holding anything; and `checkpoint`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict, TypeVar, Unpack, overload

from perdure import sdk, wire
from perdure.core.duration import Duration, to_milliseconds
from perdure.core.errors import BadDuration
from perdure.core.names import check_options
from perdure.sdk import context
from perdure.sdk.handle import clients

M = TypeVar("M")


class Units(TypedDict, total=False):
    """The parts of a duration."""

    seconds: float
    minutes: float
    hours: float
    days: float
    weeks: float
    months: int
    years: int


@dataclass(frozen=True)
class Token:
    """Something that a run waits for until somebody answers."""

    id: str
    #: where anyone may POST the answer, without a key
    url: str
    #: what a browser may complete it with, by the API
    public_access_token: str
    #: whether an idempotency key already stood for it, so that no new one was made
    is_cached: bool = False


@dataclass(frozen=True)
class Approval:
    """What `wait.for_approval` returns; the answer is an object with these keys, or true or false."""

    approved: bool
    by: str | None = None
    reason: str | None = None

    def __bool__(self) -> bool:
        return self.approved


class TokenOptions(TypedDict, total=False):
    """How a token is made."""

    timeout: Duration | datetime | None
    tags: str | list[str] | None
    idempotency_key: str | None
    idempotency_key_ttl: Duration | None


class Wait:
    """What a task can wait for.

    A run that waits is stored with its locals, and holds no process, no slot and no memory; then it goes
    on at the same line.
    """

    def for_(self, duration: Duration | None = None, **units: Unpack[Units]) -> Awaitable[None]:
        """Wait for a while: `wait.for_("90m")`, `wait.for_(hours=1, minutes=30)`.

        Args:
            duration: seconds, a text or a timedelta; or else
            units: seconds, minutes, hours, days, weeks, and (by the calendar) months and years, added up.

        Raises:
            BadDuration: it is none, or negative.
            OutsideRun: this is no task.
        """
        context.check_waits("wait.for_")
        return sdk.waits.for_time(_moment(duration, units))

    def for_sync(self, duration: Duration | None = None, **units: Unpack[Units]) -> None:
        """Wait as `for_` does, blocking, in a task that is a plain `def`: it keeps its process meanwhile."""
        context.check_blocking("wait.for_sync")
        sdk.waits.block_for_time(_moment(duration, units))

    def until(self, moment: datetime, *, raise_if_past: bool = False) -> Awaitable[None]:
        """Wait for a moment; one that is past is over at once.

        Args:
            moment: with a time zone.
            raise_if_past: a moment that is past is an error.

        Raises:
            WaitOver: it is past.
            ValueError: it has no time zone.
            OutsideRun: this is no task.
        """
        context.check_waits("wait.until")
        return sdk.waits.for_moment(moment, raise_if_past=raise_if_past)

    def until_sync(self, moment: datetime, *, raise_if_past: bool = False) -> None:
        """Wait as `until` does, blocking, in a task that is a plain `def`: it keeps its process meanwhile."""
        context.check_blocking("wait.until_sync")
        sdk.waits.block_for_time(sdk.waits.checked(moment, raise_if_past=raise_if_past))

    def until_true(
        self, function: Callable[[], Any], *, every: Duration = 60, timeout: Duration | None = None
    ) -> Awaitable[Any]:
        """Call a function now and then until it returns something true, and return that.

        Args:
            function: blocking or async; it is stored with the run.
            every: how long to wait between two calls.
            timeout: when to give up; never by default.

        Raises:
            WaitTimeout: it was not true in time.
            OutsideRun: this is no task.
        """
        context.check_waits("wait.until_true")
        return sdk.waits.until_true(function, _pause(every), _end(timeout))

    def until_true_sync(
        self, function: Callable[[], Any], *, every: Duration = 60, timeout: Duration | None = None
    ) -> Any:
        """Ask as `until_true` does, blocking, in a task that is a plain `def`: it keeps its process.

        `function` is a plain one too.
        """
        context.check_blocking("wait.until_true_sync")
        return sdk.waits.block_until_true(function, _pause(every), _end(timeout))

    async def create_token(self, **options: Unpack[TokenOptions]) -> Token:
        """Make a token, here or outside of runs; `wait.for_token` waits for it.

        Args:
            options: `timeout` (a duration or a moment; ten minutes by default), `tags`, and
                `idempotency_key` with `idempotency_key_ttl`: the same key gives the same token, so
                `ctx.idempotency_key("approval")` makes one for the run, however often it is tried.  Without a
                key, a run that makes its token again after its worker was lost gets the same, until that
                times out; a try after an error makes a new one.
        """
        return await sdk.tokens.create(options)

    def create_token_sync(self, **options: Unpack[TokenOptions]) -> Token:
        """Make a token as `create_token` does, blocking."""
        return sdk.tokens.create_sync(options)

    @overload
    def for_token(self, token: Token | str, model: type[M]) -> Awaitable[M]: ...
    @overload
    def for_token(self, token: Token | str, model: None = None) -> Awaitable[Any]: ...
    def for_token(self, token: Token | str, model: Any = None) -> Awaitable[Any]:
        """Wait until somebody completes a token, and return the data.

        Args:
            token: the token, or its id.
            model: the type of the data; any that Pydantic knows.

        Raises:
            WaitTimeout: nobody did in time.
            AnswerInvalid: the data does not fit the model.
            NotFound: there is no such token.
            OutsideRun: this is no task.
        """
        context.check_waits("wait.for_token")
        return sdk.waits.for_token(_id(token), model)

    def for_token_sync(self, token: Token | str, model: Any = None) -> Any:
        """Wait as `for_token` does, blocking, in a task that is a plain `def`: it keeps its process."""
        context.check_blocking("wait.for_token_sync")
        return sdk.waits.block_for_token(_id(token), model)

    def for_approval(
        self, ask: Callable[[Token], Any] | None = None, **options: Unpack[TokenOptions]
    ) -> Awaitable[Approval]:
        """Make a token, ask somebody, and wait for a yes or no.

        Args:
            ask: is given the token, to send its URL to whom it concerns; blocking or async.
            options: of the token.

        Raises:
            WaitTimeout: nobody answered in time.
            AnswerInvalid: the answer is neither.
            OutsideRun: this is no task.
        """
        context.check_waits("wait.for_approval")
        return sdk.tokens.for_approval(ask, options)

    def for_approval_sync(
        self, ask: Callable[[Token], Any] | None = None, **options: Unpack[TokenOptions]
    ) -> Approval:
        """Ask as `for_approval` does, blocking, in a task that is a plain `def`: it keeps its process.

        `ask` is a plain function too.
        """
        context.check_blocking("wait.for_approval_sync")
        return sdk.tokens.block_for_approval(ask, options)

    async def complete_token(self, token: Token | str, data: Any = None) -> None:
        """Complete a token, here or outside of runs; of several answers the first counts.

        Raises:
            NotFound: there is none of this id.
        """
        await clients.asynchronous.tokens.complete(_id(token), data)

    def complete_token_sync(self, token: Token | str, data: Any = None) -> None:
        """Complete a token as `complete_token` does, blocking."""
        clients.blocking.tokens.complete(_id(token), data)

    async def retrieve_token(self, token: Token | str) -> wire.waits.Token:
        """Get a token: its status, its answer, and who gave it.

        Raises:
            NotFound: there is none of this id.
        """
        return await clients.asynchronous.tokens.retrieve(_id(token))

    def retrieve_token_sync(self, token: Token | str) -> wire.waits.Token:
        """Get a token as `retrieve_token` does, blocking."""
        return clients.blocking.tokens.retrieve(_id(token))

    def list_tokens(self, **filters: Any) -> AsyncIterator[wire.waits.Token]:
        """Go through tokens, newest first, by `async for`.

        Args:
            filters: `status`, `tags`, `idempotency_key`, `created_from`, `created_to`, `period`, `size`.
        """
        return clients.asynchronous.tokens.list(**filters)

    def list_tokens_sync(self, **filters: Any) -> Iterator[wire.waits.Token]:
        """Go through tokens as `list_tokens` does, blocking."""
        return clients.blocking.tokens.list(**filters)


def _id(token: Token | str) -> str:
    return token if isinstance(token, str) else token.id


def _pause(every: Duration) -> int:
    pause = to_milliseconds(every)
    if pause == 0:
        raise BadDuration(f"wait.until_true can't call every {every!r}: use a second or more.")
    return pause


def _end(timeout: Duration | None) -> int | None:
    return None if timeout is None else sdk.waits.now() + to_milliseconds(timeout)


def _moment(duration: Duration | None, units: Units) -> int:
    check_options(units, Units.__annotations__)
    if (duration is None) == (not units):
        raise BadDuration("wait.for_ takes a duration, or units such as hours=1: one of the two.")
    parts: dict[str, Any] = dict(units)
    months = parts.pop("years", 0) * 12 + parts.pop("months", 0)
    if months < 0 or not isinstance(months, int):
        raise BadDuration(duration=f"{months} months")
    return sdk.waits.after(to_milliseconds(timedelta(**parts) if duration is None else duration), months)


wait = Wait()


def checkpoint(key: str, data: Any = None) -> Awaitable[None]:
    """Store the state of the run under a name, and go on: a retry begins after this line.

    Args:
        key: the name.
        data: a JSON value that is shown with the checkpoint.

    Raises:
        CheckpointRefused: the state can't be stored; the local in the way is named.
        SnapshotTooLarge: it is over the limit; the largest locals are named.
        OutsideRun: this is no task.
    """
    context.check_waits("checkpoint")
    return sdk.waits.for_checkpoint(key, sdk.codec.to_plain(data))
