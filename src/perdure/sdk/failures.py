"""Exceptions, as they are stored and shown."""

import importlib
import os
import traceback
from collections.abc import Iterator

from perdure.wire.values import Cause, ErrorCode, RunError

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
# What stands between us and a module that does not import.
_IMPORTING = ("<frozen importlib", importlib.__file__)
_MAX_CAUSES = 10
_MAX_TRACE = 64 * 1024


def run_error(error: BaseException) -> RunError:
    """Return an exception for the wire: its name, message, causes, and the user's part of the stack."""
    return RunError(
        type="BUILT_IN_ERROR",
        name=type(error).__name__,
        message=_message(error),
        stack_trace=_trace(error),
        causes=[
            Cause(name=type(cause).__name__, message=_message(cause), stack_trace=_trace(cause))
            for cause in _causes(error)
        ]
        or None,
    )


def internal(code: ErrorCode, error: BaseException) -> RunError:
    """Return an error of Perdure's own that an exception led to."""
    return RunError(type="INTERNAL_ERROR", code=code, message=_message(error), stack_trace=_trace(error))


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as another:  # the `__str__` of a user's exception may raise anything
        return f"<its message can't be had: {type(another).__name__}>"


def _trace(error: BaseException) -> str:
    told = traceback.TracebackException.from_exception(error, compact=True)
    theirs = [frame for frame in told.stack if not frame.filename.startswith((_OURS, *_IMPORTING))]
    told.stack = traceback.StackSummary.from_list(theirs)
    text = "".join(told.format(chain=False))
    # The end of a trace tells more than its beginning.
    return text if len(text) <= _MAX_TRACE else "…" + text[-_MAX_TRACE:]


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    for _ in range(_MAX_CAUSES):
        following = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if following is None or id(following) in seen:
            return
        seen.add(id(following))
        yield following
        error = following
