"""Capture and restore."""

import asyncio
import pickle
from collections.abc import Coroutine, Mapping
from typing import Any

from . import envelope
from .build import CELLS, HIDDEN
from .errors import BadSnapshot, CodeChanged, NotResumable
from .frames import pending_of, stack_of, waits_below
from .loops import Shared
from .packing import has_step, pack, unpack, waits_of
from .pickling import dump
from .revive import rooted
from .stacks import Frame, Stack, all_frames
from .waiting import Path, Pending, Raise, Wait

_NOTHING: Any = object()


def _root(coroutine: Any) -> Any:
    return coroutine.get_coro() if isinstance(coroutine, asyncio.Task) else coroutine


def pending(coroutine: "Coroutine[Any, Any, Any] | asyncio.Task[Any]") -> Pending:
    """What a suspended coroutine (or the one that a task runs) waits for, branch by branch."""
    return pending_of(_root(coroutine))


def capture(coroutine: "Coroutine[Any, Any, Any] | asyncio.Task[Any]", *, key: bytes | None = None) -> bytes:
    """The suspended *coroutine* as bytes; it is not disturbed, and may go on.

    *key* signs the bytes; `restore` then wants the same key.
    Raises `NotResumable` if something of it can't be stored: what, and why.
    """
    root = _root(coroutine)
    stack = stack_of(root)
    waits = waits_below(stack) if has_step(stack) else {}
    try:
        payload, bound = _payload(stack, waits)
    except NotResumable:
        raise
    except Exception as error:
        raise _culprit(stack, error) from error
    return envelope.seal(payload, key=key, bound=bound)


def _payload(stack: Stack, waits: Mapping[Path, Wait]) -> tuple[bytes, bool]:
    """The contents of a snapshot, and whether they are bound to this Python."""
    stored: set[int] = set()
    try:
        return dump((pack(stack, shared=bool(waits), stored=stored), waits), stack, stored)
    except Shared:
        return dump((pack(stack, shared=bool(waits)), waits), stack)


def _culprit(stack: Stack, error: Exception) -> NotResumable:
    """Which local could not be pickled."""
    for frame in all_frames(stack):
        for name, value in frame.items():
            found = _trouble(value, stack)
            if found is None:
                continue
            if name == CELLS:
                name = next((each for each, cell in value.items() if _trouble(cell, stack)), name)
            local, kind = readable(name)
            reason, site = f"{kind}: {found}" if kind else str(found), frame.site
            return NotResumable(reason, function=site.function, file=site.file, line=site.line, local=local)
    return NotResumable(str(error))


def _trouble(value: Any, stack: Stack) -> Exception | None:
    try:
        dump((value,), stack)
    except Exception as error:
        return error
    return None


def readable(name: str) -> tuple[str | None, str | None]:
    """A local, for people: its name, or what a hidden one stands for."""
    if name[0] not in HIDDEN:
        return name, None
    if ":" in name:
        return name[1:].partition(":")[0], None
    kinds = {
        ".it": "the iterator of a loop",
        ".cm": "the context manager of a with",
        ".error": "an exception",
    }
    return None, next(
        (text for prefix, text in kinds.items() if name.startswith(prefix)), "part of an expression"
    )


def load(data: bytes, key: bytes | None) -> tuple[Stack, dict[Path, Wait], list[tuple[int, Any]]]:
    """Check and unpickle a snapshot."""
    payload = envelope.unseal(data, key=key)
    envelope.check_python(data)
    try:
        packed, waits, links = pickle.loads(payload)
    except (AttributeError, ModuleNotFoundError) as error:
        raise CodeChanged("what the snapshot refers to", f"can't be found ({error})") from error
    except (pickle.UnpicklingError, EOFError) as error:
        raise BadSnapshot(f"the snapshot's contents can't be read: {error}") from error
    stack = unpack(packed)
    return stack, waits or waits_of(stack), links


def restore(
    data: bytes,
    *,
    value: Any = _NOTHING,
    error: BaseException | None = None,
    answers: Mapping[Path, Any] | None = None,
    locals: Mapping[Any, Any] | None = None,
    key: bytes | None = None,
) -> Coroutine[Any, Any, Any]:
    """A coroutine that goes on from where *data* was captured.

    *value* or *error* answer the only pending request; *answers* some of several, by path.
    What is not answered asks again. *locals* changes local variables first.
    Raises `BadSnapshot`, `CodeChanged`, ValueError (which request?) or KeyError (which local?).
    """
    stack, waits, links = load(data, key)
    for path, answer in _answers(waits, value, error, answers).items():
        waits[path].answer = answer if isinstance(answer, Raise) else (answer,)
    if locals:
        _change(stack, locals)
    return rooted(stack, links)


def _answers(
    waits: Mapping[Path, Wait], value: Any, error: BaseException | None, answers: Mapping[Path, Any] | None
) -> Mapping[Path, Any]:
    has_value = value is not _NOTHING
    if (has_value and value is not None) + (error is not None) + (answers is not None) > 1:
        raise ValueError("give one of value, error and answers")
    if answers is not None:
        if unknown := sorted(set(answers) - set(waits)):
            raise ValueError(f"no request is pending at {unknown}; pending are {sorted(waits)}")
        return answers
    if error is not None:
        value = Raise(error)
    elif not has_value:
        return {}
    if len(waits) != 1:
        raise ValueError(
            f"{len(waits)} requests are pending, at {sorted(waits)}: use answers={{path: value}}"
        )
    return dict.fromkeys(waits, value)


def _change(stack: Stack, changes: Mapping[Any, Any]) -> None:
    """Change locals by name, or by (number of the frame, name)."""
    frames = all_frames(stack)
    for where, value in changes.items():
        number, name = where if isinstance(where, tuple) else (None, where)
        chosen = frames[::-1] if number is None else frames[number : number + 1]
        if not any(_set(frame, name, value) for frame in chosen):
            raise KeyError(f"no local {name!r} in {'any frame' if number is None else f'frame {number}'}")


def _set(frame: Frame, name: str, value: Any) -> bool:
    if name in frame.site.names and name[0] not in HIDDEN:
        at = frame.site.names.index(name)
        frame.values = *frame.values[:at], value, *frame.values[at + 1 :]
        return True
    if name in (cells := frame.cells or {}):
        cells[name].cell_contents = value
        return True
    return False
