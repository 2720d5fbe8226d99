"""Source to syntax tree."""

import ast
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Hold the garbage collector back while there is a syntax tree.

    The thousands of nodes would only set it going. And the parser of Python 3.11 fails when the
    collector runs Python code meanwhile, such as the ``finally`` of a coroutine that was dropped
    (SystemError: AST constructor recursion depth mismatch).
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def parse(source: str | bytes, filename: str) -> ast.Module:
    """`ast.parse`, with the garbage collector held back."""
    with uncollected():
        return ast.parse(source, filename)
