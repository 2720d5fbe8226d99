"""The stored form of a stack: plain tuples and strings, because those pickle fastest."""

from functools import lru_cache
from itertools import islice
from typing import Any

from .loops import full, short
from .stacks import Frame, JoinState, Site, Stack, Step
from .waiting import Path, Wait

_WAIT, _JOIN, _STEP, _SHARED = range(4)


# -- where the frames are: one string for all of them, since the same ones are met again and again --


@lru_cache(maxsize=1024)
def pack_sites(sites: tuple[Site, ...]) -> str:
    """The sites of a stack as one string. Module and file are left out where they are those before."""
    fields: list[str] = []
    before = "", ""
    for site in sites:
        here = site.module, site.file
        fields += ("", "") if here == before else here
        fields += site.qualname, site.fingerprint, str(site.number), str(site.line), site.source
        fields += str(len(site.names)), *site.names
        before = here
    return "\0".join(fields)


@lru_cache(maxsize=1024)
def unpack_sites(text: str) -> tuple[Site, ...]:
    """The inverse of `pack_sites`."""
    sites: list[Site] = []
    fields = iter(text.split("\0") if text else ())
    module = file = ""
    for name in fields:
        module, file = name or module, next(fields) or file
        qualname, fingerprint, number, line, source, names = islice(fields, 6)
        held = tuple(islice(fields, int(names)))
        sites.append(Site(module, qualname, fingerprint, int(number), file, int(line), source, held))
    return tuple(sites)


def pack(stack: Stack, *, shared: bool = False, stored: set[int] | None = None) -> Any:
    """A stack as tuples. *shared*: its wait is referred to from elsewhere in the snapshot too.

    *stored* gets the ids of iterators that are stored in short; without it, none are.
    """
    sites, values = [], []
    for frame in stack.frames:
        loops = frame.site.loops
        sites.append(frame.site)
        values.append(short(frame.values, loops, stored) if loops and stored is not None else frame.values)
    return pack_sites(tuple(sites)), values, _pack_leaf(stack.leaf, shared, stored)


def _pack_leaf(leaf: Any, shared: bool, stored: set[int] | None) -> Any:
    if isinstance(leaf, Wait):
        if shared:
            return _SHARED, leaf
        return (_WAIT, leaf.request) if leaf.answer is None else (_WAIT, leaf.request, leaf.answer)
    if isinstance(leaf, Step):
        return _STEP, leaf.generator, leaf.closing
    if isinstance(leaf, JoinState):
        branches = [
            kept if len(kept) == 1 else (pack(kept[0], shared=shared, stored=stored), kept[1])
            for kept in leaf.branches
        ]
        return _JOIN, leaf.kind, leaf.return_exceptions, leaf.decided, branches
    return None


def unpack(packed: Any) -> Stack:
    """The inverse of `pack`."""
    sites, values, leaf = packed
    frames = list(map(Frame, unpack_sites(sites), values))
    for frame in frames:
        if loops := frame.site.loops:
            frame.values = full(frame.values, loops)
    return Stack(frames, _unpack_leaf(leaf))


def _unpack_leaf(leaf: Any) -> Any:
    if leaf is None:
        return None
    kind, *rest = leaf
    if kind == _WAIT:
        return Wait(*rest)
    if kind == _SHARED:
        return rest[0]
    if kind == _STEP:
        return Step(*rest)
    name, return_exceptions, decided, branches = rest
    kept = [each if len(each) == 1 else (unpack(each[0]), each[1]) for each in branches]
    return JoinState(name, return_exceptions, decided, kept)


def waits_of(stack: Stack, path: Path = ()) -> dict[Path, Wait]:
    """The waits at the ends of a stack and of its branches (not those inside async generators)."""
    if isinstance(stack.leaf, Wait):
        return {path: stack.leaf}
    found: dict[Path, Wait] = {}
    if isinstance(stack.leaf, JoinState):
        for number, kept in enumerate(stack.leaf.branches):
            if len(kept) == 2:
                found |= waits_of(kept[0], (*path, number))
    return found


def has_step(stack: Stack) -> bool:
    """Whether somewhere an async generator is being stepped."""
    if isinstance(stack.leaf, JoinState):
        return any(len(kept) == 2 and has_step(kept[0]) for kept in stack.leaf.branches)
    return isinstance(stack.leaf, Step)
