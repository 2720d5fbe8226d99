"""The waits of a task: what they ask of the host, and the few functions of ours that wait.

Whatever stands between the user's `await` and the host is stored with the run, so it is rewritten as the
user's own code is: `@resumable`.  What such a function holds while it waits is kept small.
"""

import asyncio
import contextlib
import inspect
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from perdure import resumable
from perdure.client.call import Call
from perdure.client.calls import streams
from perdure.core.clock import from_datetime, to_datetime
from perdure.core.duration import Duration
from perdure.core.errors import PerdureError, RecursiveWait, WaitOver, WaitTimeout
from perdure.resumable import suspend
from perdure.sdk import context, runtime
from perdure.sdk.handle import clients
from perdure.sdk.parking import Parking
from perdure.sdk.payload import Definition
from perdure.sdk.requests import CheckpointRequest, Request, RunWait, TimeWait, TokenWait
from perdure.wire.runs import Triggered


def can_wait() -> bool:
    """Tell whether this code belongs to the coroutine of a run."""
    return isinstance(resumable.host.get(None), Parking)


def now() -> int:
    """Return the moment, by the clock of the run if there is one; milliseconds since the Unix epoch."""
    host = runtime.current.get()
    return host.parking.now() if host is not None else round(time.time() * 1000)


def for_time(until: int) -> Awaitable[None]:
    """Wait for a moment, in milliseconds since the Unix epoch."""
    return suspend(TimeWait(secrets.token_hex(4), until))


def checked(moment: datetime, *, raise_if_past: bool) -> int:
    """Return a moment in milliseconds since the Unix epoch.

    Raises:
        WaitOver: it is past, and that is an error.
    """
    until = from_datetime(moment)
    if raise_if_past and until < now():
        raise WaitOver(moment=moment.isoformat())
    return until


def for_moment(moment: datetime, *, raise_if_past: bool) -> Awaitable[None]:
    """Wait for a moment.

    Raises:
        WaitOver: it is past, and that is an error.
    """
    return for_time(checked(moment, raise_if_past=raise_if_past))


def for_token(token: str, model: Any) -> Awaitable[Any]:
    """Wait for a token's data."""
    return suspend(TokenWait(token, model))


@resumable.resumable
async def for_input(name: str, key: str, timeout: Duration | datetime | None, model: Any) -> Any:
    """Wait for the next value of an input."""
    token = await _input_token(name, key, timeout)
    return await suspend(TokenWait(token, model))


async def _input_token(name: str, key: str, timeout: Duration | datetime | None) -> str:
    inside = context.current()
    assert inside is not None  # who calls has looked
    call = streams.wait(inside.run.id, name, key, timeout)
    return (await clients.asynchronous.send(call)).waitpoint_id


def block(request: Request) -> Any:
    """Wait in a plain function, blocking."""
    host = runtime.current.get()
    assert host is not None  # who calls has looked
    return host.parking.block(request)


def block_for_time(until: int) -> None:
    """Wait for a moment, blocking."""
    block(TimeWait(secrets.token_hex(4), until))


def block_for_token(token: str, model: Any) -> Any:
    """Wait for a token's data, blocking."""
    return block(TokenWait(token, model))


def run_child_blocking(task: Definition, call: Call[Any, Any]) -> Any:
    """Trigger a run and wait for its result, blocking."""
    run = clients.blocking.send(call)
    _check_order(run.id)
    return block(RunWait(run.id, task))


def for_checkpoint(key: str, data: Any) -> Awaitable[None]:
    """Store the state of the run, and go on."""
    return suspend(CheckpointRequest(key, data))


@resumable.resumable
async def run_child(task: Definition, call: Call[Any, Any] | None) -> Any:
    """Trigger a run, wait for its result, and cancel it if nobody wants the result any more."""
    assert call is not None
    run, is_ours = await _trigger(call)
    call = None
    try:
        return await suspend(RunWait(run, task))
    except asyncio.CancelledError:
        if is_ours:
            await _cancel(run)
        raise


@resumable.resumable
async def until_true(function: Callable[[], Any], every: int, end: int | None) -> Any:
    """Call a function now and then until it returns something true, and return that.

    Args:
        function: blocking or async.
        every: milliseconds between two calls.
        end: when to give up, in milliseconds since the Unix epoch.

    Raises:
        WaitTimeout: it was not true in time.
    """
    while True:
        answer = function()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        await for_time(_next_call(every, end))


def block_until_true(function: Callable[[], Any], every: int, end: int | None) -> Any:
    """Call a function as `until_true` does, blocking.

    Raises:
        WaitTimeout: it was not true in time.
        TypeError: the function is async.
    """
    while not (answer := called(function)):
        block_for_time(_next_call(every, end))
    return answer


def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function where nothing can be awaited.

    Raises:
        TypeError: it is async.
    """
    answer = function(*arguments)
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        name = getattr(function, "__qualname__", repr(function))
        raise TypeError(f"{name} is async: a task that is a plain def calls plain functions.")
    return answer


def _next_call(every: int, end: int | None) -> int:
    """Return when `until_true` calls again: at the end for the last time."""
    present = now()
    if end is None or present + every <= end:
        return present + every
    if present >= end:
        raise WaitTimeout(what="What wait.until_true waits for")
    return end


async def _trigger(call: Call[Any, Any]) -> tuple[str, bool]:
    """Return the run, and whether it is this run's own: not one that an idempotency key stood for."""
    sending = asyncio.ensure_future(clients.asynchronous.send(call))
    try:
        made = await asyncio.shield(sending)
    except asyncio.CancelledError:
        made = await sending
        if _is_ours(call, made):
            await _cancel(made.id)
        raise
    _check_order(made.id)
    return made.id, _is_ours(call, made)


def _check_order(child: str) -> None:
    inside = context.current()
    assert inside is not None  # only a task waits for another
    if child in (inside.run.id, inside.run.parent_id, inside.run.root_id):
        raise RecursiveWait(run=inside.run.id, child=child)


def _is_ours(call: Call[Any, Any], made: Triggered) -> bool:
    return not made.is_cached or (call.body is not None and call.body.options.implicit_key is not None)


async def _cancel(run: str) -> None:
    # A server that is gone cancels nothing, and the run that ends has said why it ends.
    with contextlib.suppress(PerdureError):
        await clients.asynchronous.runs.cancel(run)


def after(milliseconds: int, months: int) -> int:
    """Return the moment so many months and then milliseconds from now.

    A day that the month does not have becomes its last.
    """
    begin = to_datetime(now())
    count = begin.year * 12 + begin.month - 1 + months
    year, month = divmod(count, 12)
    for day in range(begin.day, 0, -1):
        with contextlib.suppress(ValueError):
            return from_datetime(begin.replace(year=year, month=month + 1, day=day)) + milliseconds
    raise AssertionError  # every month has a first day
