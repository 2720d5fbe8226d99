"""How iterators are stored at the place where they are: those of dictionaries, and those of `itertools`.

Until Python 3.13 those of `itertools` say themselves where they are. From 3.14 on nothing but the garbage
collector tells what they hold, which is enough for some of them.
"""

import gc
import itertools
import sys
import warnings
from collections.abc import Callable
from typing import Any

from . import revive
from .errors import Refused

_VIEWS: dict[type, str] = {type(getattr({}, name)()): name for name in ("keys", "values", "items")}
_STEPPED: dict[type, str] = {type(iter(getattr({}, name)())): name for name in _VIEWS.values()}


def _dict_view(_: Any, view: Any) -> Any:
    held = next(each for each in gc.get_referents(view) if isinstance(each, dict))
    return getattr(dict, _VIEWS[type(view)]), (held,)


def _dict_iterator(_: Any, iterator: Any) -> Any:
    held = next((each for each in gc.get_referents(iterator) if isinstance(each, dict)), None)
    if held is None:
        return iter, ((),)
    left = iterator.__length_hint__()
    return revive.dict_iterator, (held, _STEPPED[type(iterator)], len(held) - left)


# -- itertools ---------------------------------------------------------------------------------


def _itertool(_: Any, iterator: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        kind, arguments, *state = iterator.__reduce__()
    if kind is itertools.chain:
        return revive.chained, state[0] if state else ()
    return (revive.itertool, (kind, arguments, *state)) if state else (kind, arguments)


def _held(iterator: Any) -> list[Any]:
    _, *held = gc.get_referents(iterator)  # the first is its type
    return held


def _held_chain(_: Any, iterator: Any) -> Any:
    return revive.chained, tuple(_held(iterator))


def _held_count(_: Any, iterator: Any) -> Any:
    *start, step = _held(iterator)
    return itertools.count, (*(start or [int(repr(iterator)[6:-1])]), step)  # repr: ``count(7)``


def _held_repeat(_: Any, iterator: Any) -> Any:
    try:
        left = [iterator.__length_hint__()]
    except TypeError:
        left = []  # for ever
    return itertools.repeat, (*_held(iterator), *left)


def _held_pair(_: Any, iterator: Any) -> Any:
    source, function = _held(iterator)
    return type(iterator), (function, source)


def _held_compress(_: Any, iterator: Any) -> Any:
    return itertools.compress, tuple(_held(iterator))


def _hidden(_: Any, iterator: Any) -> Any:
    name = type(iterator).__name__
    raise Refused(
        f"cannot pickle 'itertools.{name}' object: since Python 3.14 nothing tells where it is; "
        "a generator of your own can be stored"
    )


_KINDS = [
    each for each in vars(itertools).values() if isinstance(each, type) and each.__module__ == "itertools"
]
_READABLE: dict[type, Callable[[Any, Any], Any]] = {
    itertools.chain: _held_chain,
    itertools.count: _held_count,
    itertools.repeat: _held_repeat,
    itertools.starmap: _held_pair,
    itertools.filterfalse: _held_pair,
    itertools.compress: _held_compress,
}

ITERATORS: dict[type, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(_VIEWS, _dict_view),
    **dict.fromkeys(_STEPPED, _dict_iterator),
    **dict.fromkeys(_KINDS, _itertool if sys.version_info < (3, 14) else _hidden),
    **({} if sys.version_info < (3, 14) else _READABLE),
}
