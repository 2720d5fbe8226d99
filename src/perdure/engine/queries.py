"""What the filters of a list of runs mean, and what they can't be."""

from collections.abc import Sequence
from datetime import datetime

from perdure.core.clock import from_datetime
from perdure.core.duration import to_milliseconds
from perdure.core.errors import BadDuration, BadOption
from perdure.core.lifecycle import DEAD, Status
from perdure.core.placement import MACHINES
from perdure.engine.options import plain_text
from perdure.store.dead_letters import LetterQuery
from perdure.store.run_lists import RunQuery
from perdure.store.tokens import TokenQuery
from perdure.wire.dead_letters import ChooseLetters, DeadLetterFilter
from perdure.wire.runs import RunFilter
from perdure.wire.waits import TokenFilter, TokenStatus

_STATUSES = [status.value for status in Status]


def query_of(wanted: RunFilter, now: int) -> RunQuery:
    """Return what a list asks of the database.

    Args:
        wanted: the filters as the request has them.
        now: the current moment, which a period ends at.

    Raises:
        BadOption: a filter has a value it can't have; the message names it.
    """
    return RunQuery(
        # There are no bulk actions yet, so none made any run.
        is_empty=bool(_list(wanted.bulk_action)),
        statuses=_choice("filter[status]", wanted.status, _STATUSES),
        tasks=_list(wanted.task),
        versions=_list(wanted.version),
        queues=_list(wanted.queue),
        machines=_choice("filter[machine]", wanted.machine, MACHINES),
        regions=_list(wanted.region),
        schedules=_list(wanted.schedule),
        batches=_list(wanted.batch),
        roots=_list(wanted.root),
        parents=_list(wanted.parent),
        tags=_list(wanted.tag),
        is_test=wanted.is_test,
        since=max(_moment("filter[createdAt][from]", wanted.created_from, 0), _since(wanted.period, now)),
        until=_moment("filter[createdAt][to]", wanted.created_to, RunQuery.until),
        size=wanted.size,
        # The official client, going back, sends the cursor it came by too.
        after=_cursor("page[after]", None if wanted.before else wanted.after),
        before=_cursor("page[before]", wanted.before),
    )


def token_query(wanted: TokenFilter, now: int) -> TokenQuery:
    """Return what a list of tokens asks of the database; takes and raises as `query_of` does."""
    return TokenQuery(
        statuses=_choice("filter[status]", wanted.status, [status.value for status in TokenStatus]),
        tags=_list(wanted.tags),
        key=wanted.idempotency_key,
        since=max(_moment("filter[createdAt][from]", wanted.created_from, 0), _since(wanted.period, now)),
        until=_moment("filter[createdAt][to]", wanted.created_to, TokenQuery.until),
        size=wanted.size,
        after=_cursor("page[after]", wanted.after, "waitpoint"),
        before=_cursor("page[before]", wanted.before, "waitpoint"),
    )


def letter_query(wanted: DeadLetterFilter | ChooseLetters, now: int) -> LetterQuery:
    """Return which dead letters are asked for; takes and raises as `query_of` does."""
    since = _moment("failed_from", wanted.failed_from, 0)
    return LetterQuery(
        tasks=_list(wanted.task),
        queues=_list(wanted.queue),
        statuses=_choice("status", wanted.status, sorted(DEAD)),
        since=max(since, _since(wanted.period, now, "period")),
        until=min(_moment("failed_to", wanted.failed_to, now), now),
    )


def _list(text: str | None) -> list[str] | None:
    """Read a list of names; none at all is no filter, as the official server takes it."""
    names = [part.strip() for part in (text or "").split(",") if part.strip()]
    return [plain_text("filter", name) for name in names] or None


def _choice(option: str, text: str | None, choices: Sequence[str]) -> list[str] | None:
    values = _list(text)
    for value in values or ():
        if value not in choices:
            raise BadOption(option=option, value=value, expected=", ".join(choices))
    return values


def _moment(option: str, text: str | None, default: int) -> int:
    """Read a moment: milliseconds since 1970, or ISO 8601."""
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) < 16:
        return min(int(text), RunQuery.until)
    try:
        return max(0, from_datetime(datetime.fromisoformat(text)))
    except ValueError:
        expected = 'milliseconds since 1970, or a moment such as "2026-12-24T18:00:00Z"'
        raise BadOption(option=option, value=text, expected=expected) from None


def _since(period: str | None, now: int, option: str = "filter[createdAt][period]") -> int:
    if period is None:
        return 0
    try:
        return max(0, now - to_milliseconds(period))
    except (BadDuration, OverflowError):
        expected = 'a duration such as "1d"'
        raise BadOption(option=option, value=period, expected=expected) from None


def _cursor(option: str, text: str | None, prefix: str = "run") -> str | None:
    if not text:
        return None
    if not text.startswith(f"{prefix}_"):
        raise BadOption(option=option, value=text, expected="what pagination.next or .previous said")
    return plain_text(option, text)
