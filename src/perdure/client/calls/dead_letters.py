"""What is asked of dead letters."""

from collections.abc import Mapping, Sequence
from typing import Any

from perdure.client.call import Call, query
from perdure.core.errors import BadOption
from perdure.wire import dead_letters, endpoints

_FILTERS = ("task", "queue", "status", "failed_from", "failed_to", "period")
_LIST = (*_FILTERS, "state", "size", "after")


def page(filters: Mapping[str, Any]) -> Call[dead_letters.DeadLetterFilter, dead_letters.DeadLetterPage]:
    """Get a page of letters."""
    body = dead_letters.DeadLetterFilter(**query(_named(filters), _LIST))
    return Call(endpoints.dead_letters.LIST_DEAD_LETTERS, body)


def retrieve(run: str) -> Call[Any, dead_letters.DeadLetter]:
    """Get the letter of a run."""
    return Call(endpoints.dead_letters.RETRIEVE_DEAD_LETTER, None, {"run": run})


def redrive(
    chosen: dead_letters.ChooseLetters,
) -> Call[dead_letters.ChooseLetters, dead_letters.LettersRedriven]:
    """Trigger failed runs again."""
    return Call(endpoints.dead_letters.REDRIVE_DEAD_LETTERS, chosen)


def discard(
    chosen: dead_letters.ChooseLetters,
) -> Call[dead_letters.ChooseLetters, dead_letters.LettersDiscarded]:
    """Take failed runs off the list."""
    return Call(endpoints.dead_letters.DISCARD_DEAD_LETTERS, chosen)


def choose(runs: Sequence[str], everything: bool, filters: Mapping[str, Any]) -> dead_letters.ChooseLetters:
    """Return which letters are meant.

    Raises:
        BadOption: none are, or both runs and filters are given.
        UnknownOption: there is no such filter.
    """
    given = query(_named(filters), _FILTERS)
    if not runs and not everything:
        raise BadOption("Say which dead letters: the ids of their runs, or all=True with filters or without")
    if runs and (everything or given):
        raise BadOption("Dead letters are chosen by their runs or by filters, not both")
    return dead_letters.ChooseLetters(runs=list(runs) or None, all=everything, **given)


def rest(
    chosen: dead_letters.ChooseLetters, done: dead_letters.LettersRedriven | dead_letters.LettersDiscarded
) -> dead_letters.ChooseLetters | None:
    """Return what is to be asked next, or None if all is done; what fails meanwhile is left alone."""
    if not done.has_more:
        return None
    return chosen.model_copy(update={"failed_to": done.failed_to.isoformat()})


def _named(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return filters with tasks and queues by their names."""
    given = dict(filters)
    if "task" in given:
        given["task"] = getattr(given["task"], "id", given["task"])
    if "queue" in given:
        given["queue"] = getattr(given["queue"], "name", given["queue"])
    return given
