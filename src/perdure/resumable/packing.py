"""The stored form of a stack: plain tuples and strings, because those pickle fastest."""

from functools import cache
from typing import Any

from .frames import JoinState, Site, Stack, Step
from .waiting import Path, Wait

_WAIT, _JOIN, _STEP, _SHARED = range(4)
_sites: dict[str, Site] = {}


@cache
def pack_site(site: Site) -> str:
    """Where a frame is, as one string."""
    return "\0".join(map(str, site))


def unpack_site(text: str) -> Site:
    """The inverse of `pack_site`."""
    site = _sites.get(text)
    if site is None:
        module, qualname, fingerprint, number, file, line, source = text.split("\0", 6)
        site = _sites[text] = (module, qualname, fingerprint, int(number), file, int(line), source)
    return site


def pack(stack: Stack, *, shared: bool = False) -> Any:
    """A stack as tuples. *shared*: its wait is referred to from elsewhere in the snapshot too."""
    return [(pack_site(site), state) for site, state in stack.frames], _pack_leaf(stack.leaf, shared)


def _pack_leaf(leaf: Any, shared: bool) -> Any:
    if isinstance(leaf, Wait):
        return (_SHARED, leaf) if shared else (_WAIT, leaf.request)
    if isinstance(leaf, Step):
        return _STEP, leaf.generator, leaf.closing
    if isinstance(leaf, JoinState):
        branches = [
            kept if len(kept) == 1 else (pack(kept[0], shared=shared), kept[1]) for kept in leaf.branches
        ]
        return _JOIN, leaf.kind, leaf.return_exceptions, leaf.decided, branches
    return None


def unpack(packed: Any) -> Stack:
    """The inverse of `pack`."""
    frames, leaf = packed
    return Stack([(unpack_site(site), state) for site, state in frames], _unpack_leaf(leaf))


def _unpack_leaf(leaf: Any) -> Any:
    if leaf is None:
        return None
    kind, *rest = leaf
    if kind == _WAIT:
        return Wait(rest[0])
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
