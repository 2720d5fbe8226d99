"""The one error body, and the way between it and `perdure.core.errors`."""

from typing import Any

import perdure.core.storage_errors  # noqa: F401 - its classes belong to the tree of errors
from perdure.core import errors
from perdure.wire.model import Model


class Problem(Model):
    """What went wrong.

    The official clients read `error`; programs compare `code`.
    """

    error: str
    code: str | None = None
    param: str | None = None
    type: str | None = None
    details: list[dict[str, Any]] | None = None

    @classmethod
    def of(cls, error: errors.PerdureError) -> "Problem":
        """Return the body that tells of an error."""
        details = error.facts.get("details")
        return cls(error=str(error), code=error.code, details=details)  # type: ignore[arg-type]


def raise_for(status: int, problem: Problem) -> None:
    """Raise the error of `perdure.core.errors` that a server answered with.

    Args:
        status: the HTTP status; it chooses the class when the code is unknown to this release.
        problem: the body of the answer.
    """
    kind = _BY_CODE.get(problem.code or "")
    if kind is None or kind.status != status:  # an official code may be ours of another status
        kind = _BY_STATUS.get(status, errors.PerdureError)
    raise kind(problem.error)


def _tree(root: type[errors.PerdureError]) -> list[type[errors.PerdureError]]:
    return [root] + [leaf for child in root.__subclasses__() for leaf in _tree(child)]


_KINDS = _tree(errors.PerdureError)
_BY_CODE = {kind.code: kind for kind in _KINDS}
# The first of a status is the highest in the tree, so that an unknown code gets the general class.
# The status of PerdureError itself, 500, is that of every class which has none of its own.
_BY_STATUS = {kind.status: kind for kind in reversed(_KINDS) if kind.status != errors.PerdureError.status}
