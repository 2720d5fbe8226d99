"""`describe`: a snapshot as JSON, without importing or running any of the user's code."""

import collections
import datetime
import decimal
import io
import pickle
import reprlib
import uuid
from collections.abc import Iterator
from typing import Any

from . import envelope, revive, waiting
from .build import CELLS, HIDDEN
from .errors import BadSnapshot
from .packing import unpack, unpack_sites, waits_of
from .stacks import JoinState, Site, Stack, Step
from .waiting import Path

_short = reprlib.Repr()
_short.maxlevel, _short.maxstring, _short.maxother, _short.maxlong = 4, 60, 120, 40
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = 6

_VALUES = {
    ("builtins", name): value
    for name, value in {
        "set": set,
        "frozenset": frozenset,
        "complex": complex,
        "bytearray": bytearray,
    }.items()
} | {
    (kind.__module__, kind.__name__): kind
    for kind in (
        *(datetime.date, datetime.timedelta, datetime.timezone),
        *(decimal.Decimal, uuid.UUID, range, slice),
        *(collections.OrderedDict, collections.deque),
    )
}
_OURS = {(each.__module__, each.__name__): each for each in (waiting.Wait,)}


class Opaque:
    """Stands for an instance of a class (or the result of a function) that is not looked up."""

    place = "?"

    def __new__(cls, *arguments: Any, **keywords: Any) -> Any:
        """Keep what the pickle passes to the real class."""
        made = super().__new__(cls)
        made.arguments, made.keywords, made.state, made.items = arguments, keywords, None, []
        return made

    def __init__(self, *_: Any, **__: Any) -> None:
        self.arguments: tuple[Any, ...]
        self.keywords: dict[str, Any]
        self.state: Any
        self.items: list[Any]

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def append(self, item: Any) -> None:
        """Of a subclass of list."""
        self.items.append(item)

    def extend(self, items: Any) -> None:
        """Of a subclass of list."""
        self.items.extend(items)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append((key, value))

    def __hash__(self) -> int:
        return id(self)

    def __call__(self, *arguments: Any, **keywords: Any) -> "Opaque":
        """What a method of it gives."""
        return Opaque(*arguments, **keywords)

    @reprlib.recursive_repr()
    def __repr__(self) -> str:
        return f"{self.place.rpartition('.')[2]}({', '.join(self.parts())})"

    def parts(self) -> list[str]:
        """What stands between the parentheses."""
        fields = _fields(self.state)
        if fields:
            return [f"{name}={_short.repr(value)}" for name, value in fields.items()][:8]
        given = [_short.repr(each) for each in (*self.arguments, *self.items)]
        return (given + [f"{name}={_short.repr(value)}" for name, value in self.keywords.items()])[:8]


def _fields(state: Any) -> dict[str, Any]:
    """The attributes in a pickled state: a dictionary, or that and one of slots."""
    if isinstance(state, tuple) and len(state) == 2:
        return _fields(state[0]) | _fields(state[1])
    if not isinstance(state, dict):
        return {}
    inner = state.get("__dict__")
    return inner if isinstance(inner, dict) else {str(name): value for name, value in state.items()}


class _Function(Opaque):
    """A nested function."""

    def __repr__(self) -> str:
        return f"<function {self.arguments[0]}.{self.arguments[1]}>"


class _Error(Opaque):
    """An exception: its type and arguments."""

    def __repr__(self) -> str:
        kind, arguments = self.arguments
        name = getattr(kind, "place", "?").rpartition(".")[2]
        return f"{name}({', '.join(map(_short.repr, arguments))})"


class _Method(Opaque):
    """``getattr(owner, name)``."""

    def __repr__(self) -> str:
        owner, name, *_ = *self.arguments, "?", "?"
        return f"{_short.repr(owner)}.{name}"

    def __call__(self, *arguments: Any, **keywords: Any) -> Opaque:
        """What a class method gives is most often one of its class."""
        owner = self.arguments[0] if self.arguments else None
        return (owner if isinstance(owner, _Named) else Opaque)(*arguments, **keywords)


def _fill(made: Any, state: Any) -> None:
    made.state = state


_SPECIAL: dict[tuple[str, str], Any] = {
    (revive.__name__, "function"): _Function,
    (revive.__name__, "error"): _Error,
    (revive.__name__, "builtin_error"): _Error,
    ("builtins", "getattr"): _Method,
} | {(revive.__name__, name): _fill for name in vars(revive) if name.startswith("fill_")}


class _Zone(datetime.tzinfo):
    """Stands for a time zone that is not looked up: a moment takes no other thing for one."""

    def __init__(self, zone: Opaque) -> None:
        self._zone = zone

    def utcoffset(self, _: datetime.datetime | None) -> None:
        """Unknown here."""

    def __repr__(self) -> str:
        return repr(self._zone)


class _Moment:
    """Makes a `datetime` or `time`, whatever its time zone."""

    def __init__(self, kind: type) -> None:
        self._kind = kind

    def __call__(self, digits: bytes, *zone: Any) -> Any:
        """What the pickle asks for."""
        return self._kind(digits, *(_Zone(one) if isinstance(one, Opaque) else one for one in zone))

    def __repr__(self) -> str:
        return f"<datetime.{self._kind.__name__}>"


_MOMENTS = {("datetime", kind.__name__): _Moment(kind) for kind in (datetime.datetime, datetime.time)}


class _Named(type):
    """Makes a class that was not looked up show as its name."""

    place: str

    def __repr__(cls) -> str:
        return f"<{cls.place}>"


class _Reader(pickle.Unpickler):
    """Unpickles to plain values and stand-ins."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.made: dict[tuple[str, str], Any] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Look nothing up but what is ours, or a plain value."""
        key = module, name
        known = (
            _OURS.get(key) or _MOMENTS.get(key) or _VALUES.get(key) or _SPECIAL.get(key) or self.made.get(key)
        )
        if known is None:
            known = self.made[key] = _Named(name, (Opaque,), {"place": f"{module}.{name}"})
        return known


def describe(data: bytes, *, key: bytes | None = None) -> dict[str, Any]:
    """The stack in a snapshot, as JSON: frames with file, line, source and locals, and what they wait for.

    Runs no code of the user and imports none. Raises `BadSnapshot` like `restore`.
    """
    payload = envelope.unseal(data, key=key)
    try:
        packed, waits, _ = _Reader(payload).load()
        stack = unpack(packed)
    except Exception as error:
        raise BadSnapshot(f"the snapshot's contents can't be read: {error}") from error
    return {
        "version": envelope.VERSION,
        "python": envelope.bound_to(bytes(data)),
        "frames": [*_frames(stack, ()), *_generators(stack, ())],
        "waits": [
            {"path": list(path), "request": _short.repr(wait.request)}
            for path, wait in sorted((waits or waits_of(stack)).items())
        ],
    }


def _frames(stack: Stack, path: Path) -> Iterator[dict[str, Any]]:
    for frame in stack.frames:
        yield _frame(frame.site, dict(frame.items()), path)
    yield from _branches(stack, path, _frames)


def _branches(stack: Stack, path: Path, walk: Any) -> Iterator[dict[str, Any]]:
    if isinstance(stack.leaf, JoinState):
        for number, kept in enumerate(stack.leaf.branches):
            if len(kept) == 2:
                yield from walk(kept[0], (*path, number))


def _generators(stack: Stack, path: Path) -> Iterator[dict[str, Any]]:
    """The frames of async generators that are being stepped."""
    if isinstance(stack.leaf, Step):
        made = stack.leaf.generator
        place, values, inner = made.state
        (site,) = unpack_sites(place)
        state = dict(zip(site.names, values, strict=False))  # without the cells
        yield _frame(site, {**state, CELLS: made.arguments[1] or {}}, path)
        if inner is not None:
            yield from _frames(unpack(inner), path)
            yield from _generators(unpack(inner), path)
    yield from _branches(stack, path, _generators)


def _frame(site: Site, state: dict[str, Any], path: Path) -> dict[str, Any]:
    shown = {name: value for name, value in state.items() if name[0] not in HIDDEN}
    shown |= {
        name[1:].partition(":")[0]: value for name, value in state.items() if name[0] == "." and ":" in name
    }
    shown |= {name: cell.state for name, cell in state.get(CELLS, {}).items() if name != "__class__"}
    return {
        "path": list(path),
        "function": site.function,
        "module": site.module,
        "file": site.file,
        "line": site.line,
        "source": site.source,
        "locals": {name: _short.repr(value) for name, value in sorted(shown.items())},
    }
