"""The bookkeeping of ``except*``, for the clauses that have awaits inside (PEP 654)."""

import sys
from typing import Any

_ALWAYS_SPLITS = sys.version_info >= (3, 12)  # what no clause takes is a new group since then


class Split:
    """One exception on its way through the clauses of a ``try … except*``."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.rest: BaseException | None = error
        self.part: BaseException | None = None  # what the present clause handles; at the end, what to raise
        self.results: list[BaseException] = []
        self.before: tuple[Any, Any, bool] = (None, None, False)

    def take(self, kinds: Any) -> bool:
        """Split off what ``except* kinds`` handles; True if there is something."""
        _check(kinds)
        rest = self.rest
        if rest is None:
            return False
        if isinstance(rest, BaseExceptionGroup):
            part, left = rest.split(kinds)
            self.rest = rest if part is None and not _ALWAYS_SPLITS else left
        elif isinstance(rest, kinds):
            part, self.rest = BaseExceptionGroup("", (rest,)), None
        else:
            return False
        if part is not None:
            self._next(part)
        return part is not None

    def _next(self, part: BaseException) -> None:
        self.part = part
        self.before = part.__context__, part.__traceback__, part.__suppress_context__

    def settle(self) -> None:
        """Undo what raising the part has done to it."""
        if self.part is not None:
            context, traceback, suppressed = self.before
            self.part.__context__, self.part.__traceback__ = context, traceback
            self.part.__suppress_context__ = suppressed

    def failed(self, error: BaseException) -> None:
        """The present clause has raised."""
        self.results.append(error)

    def finish(self) -> bool:
        """After all clauses: whether something is left to raise, which is then ``part``."""
        results = self.results if self.rest is None else [*self.results, self.rest]
        left = (
            self._merged(results) if isinstance(self.error, BaseExceptionGroup) else next(iter(results), None)
        )
        if left is None:
            return False
        self._next(left)
        return True

    def _merged(self, results: list[BaseException]) -> BaseException | None:
        """New exceptions, and beside them what is left of the original, in its shape."""
        assert isinstance(self.error, BaseExceptionGroup)
        fresh = [each for each in results if not _same(each, self.error)]
        leaves = {leaf for each in results if _same(each, self.error) for leaf in _leaves(each)}
        kept = self.error.subgroup(lambda each: id(each) in leaves) if leaves else None
        if kept is not None:
            fresh.append(kept)
        if not self.results or (len(fresh) == 1 and fresh[0] is kept):
            return kept
        if len(fresh) == 1 and len(results) == 1:
            return fresh[0]
        return BaseExceptionGroup("", fresh) if fresh else None


def _check(kinds: Any) -> None:
    for kind in kinds if isinstance(kinds, tuple) else (kinds,):
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError("catching classes that do not inherit from BaseException is not allowed")
        if issubclass(kind, BaseExceptionGroup):
            raise TypeError("catching ExceptionGroup with except* is not allowed. Use except instead.")


def _same(one: BaseException, other: BaseException) -> bool:
    """Whether *one* is a part of *other* that was only passed on."""
    return isinstance(one, BaseExceptionGroup) and all(
        getattr(one, name, None) is getattr(other, name, None)
        for name in ("__notes__", "__traceback__", "__cause__", "__context__")
    )


def _leaves(error: BaseException) -> set[int]:
    if isinstance(error, BaseExceptionGroup):
        return set[int]().union(*(_leaves(each) for each in error.exceptions))
    return {id(error)}
