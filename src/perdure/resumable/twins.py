"""Coroutines of the standard library's `contextlib`, said once more as project code.

The body of an ``asynccontextmanager`` function waits beneath a frame of `contextlib`. Of that frame only
what comes after its await matters, and that is what each function here does: capture stores the frame as
one of these, at its first await. They are never called; restore takes their source.
"""

import contextlib
from types import CodeType
from typing import Any


async def enter(manager: Any) -> Any:
    """``async with`` a function's manager: what it yields."""
    try:
        return await anext(manager.gen)
    except StopAsyncIteration:
        raise RuntimeError("generator didn't yield") from None


async def leave(manager: Any) -> bool:
    """Out of the block without an exception."""
    try:
        await anext(manager.gen)
    except StopAsyncIteration:
        return False
    try:
        raise RuntimeError("generator didn't stop")
    finally:
        await manager.gen.aclose()


async def leave_by(manager: Any, error: BaseException, traceback: Any) -> bool:
    """Out of the block by *error*: whether the function has dealt with it."""
    try:
        await manager.gen.athrow(error)
    except StopAsyncIteration as end:
        return end is not error
    except BaseException as raised:
        wrapped = isinstance(raised, RuntimeError) and raised.__cause__ is error
        if raised is not error and not (wrapped and isinstance(error, StopIteration | StopAsyncIteration)):
            raise
        error.__traceback__ = traceback
        return False
    try:
        raise RuntimeError("generator didn't stop after athrow()")
    finally:
        await manager.gen.aclose()


async def close(manager: Any) -> None:
    """Out of the block of an `aclosing`."""
    await manager.thing.aclose()


_MANAGER: Any = contextlib._AsyncGeneratorContextManager
_ENTER: CodeType = _MANAGER.__aenter__.__code__
_LEAVE: CodeType = _MANAGER.__aexit__.__code__
_CLOSE: CodeType = contextlib.aclosing.__aexit__.__code__
TWINNED = frozenset({_ENTER, _LEAVE, _CLOSE})


def twin_of(frame: Any, closes: bool) -> tuple[Any, tuple[Any, ...]]:
    """The function that goes on like this frame, and its arguments; None if there is no such function.

    *closes*: it waits in the ``aclose()`` of an async generator.
    """
    names, code = frame.f_locals, frame.f_code
    manager = names["self"]
    if code is _CLOSE:
        return close, (manager,)
    if closes:
        return None, ()  # the function has yielded twice, and is being closed for that
    if code is _ENTER:
        return enter, (manager,)
    if names["typ"] is None:
        return leave, (manager,)
    return leave_by, (manager, names["value"], names["traceback"])
