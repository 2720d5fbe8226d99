"""`resumable`: rewrite one function, wherever its source can be found."""

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

from . import build, runtime
from .definitions import source_of_code

Function = TypeVar("Function", bound=Callable[..., Any])


def resumable(function: Function) -> Function:
    """Make one ``async def`` (and the functions inside it) resumable, in place.

    Not needed in folders that are `install`-ed. Goes directly above the ``def``, below other
    decorators. Works wherever `inspect.getsource` does: modules, notebooks, doctests.
    Raises TypeError if *function* is not a plain function, or its source can't be found.
    """
    plain: Any = getattr(function, "__func__", function)  # of a static or class method
    if not isinstance(plain, FunctionType):
        raise TypeError(f"@resumable goes directly above a def, not on a {type(function).__name__}")
    code = plain.__code__
    if build.POINT in code.co_varnames:
        return function
    source = source_of_code(code, plain.__globals__)
    definition = source.find(code) if source else None
    if definition is None:
        raise TypeError(f"the source of {plain.__qualname__} can't be found; @resumable reads it")
    if definition.changes:
        plain.__globals__.setdefault(build.RUNTIME, runtime)
        plain.__code__ = definition.code
    return function
