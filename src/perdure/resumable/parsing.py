"""Source to syntax tree."""

import ast
import gc


def parse(source: str | bytes, filename: str) -> ast.Module:
    """`ast.parse`, with the garbage collector held back.

    The thousands of nodes would only set it going. And the parser of Python 3.11 fails when the
    collector runs Python code meanwhile, such as the ``finally`` of a coroutine that was dropped
    (SystemError: AST constructor recursion depth mismatch).
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source, filename)
    finally:
        if enabled:
            gc.enable()
