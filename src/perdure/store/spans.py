"""Spans, in the telemetry database."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from perdure.core.traces import USAGE
from perdure.store.database import Tx

_SIGN = 1 << 63


class SpanRow(NamedTuple):
    """A span as it is now; `attributes` is a JSON object, and `run` the name of its subject."""

    run: str
    id: int
    parent: int | None
    attempt: int
    source: str
    name: str
    started_ns: int
    ended_ns: int | None
    is_error: int
    message: str | None
    attributes: str | None
    place: str | None


def to_number(span: str) -> int:
    """Return the id of a span, 16 hexadecimal digits, as a signed number of 64 bits."""
    number = int(span, 16)
    return number - (1 << 64) if number >= _SIGN else number


def to_text(span: int) -> str:
    """Return the id of a span as 16 hexadecimal digits."""
    return f"{span & (2 * _SIGN - 1):016x}"


async def put(tx: Tx, spans: Sequence[Mapping[str, object]]) -> None:
    """Store spans as they are now; what is given of each are the columns of the table."""
    await tx.run("put_spans", spans=spans)


async def unsent(tx: Tx, subjects: Sequence[int], *, limit: int) -> list[SpanRow]:
    """Return the spans of subjects that go nowhere by themselves: open ones, and what attempts used."""
    return [
        SpanRow._make(row) for row in await tx.all("unsent_spans", name=USAGE, subjects=subjects, limit=limit)
    ]


async def of_subjects(tx: Tx, subjects: Sequence[int], *, limit: int) -> list[SpanRow]:
    """Return the spans of subjects, so many at most."""
    return [SpanRow._make(row) for row in await tx.all("spans", subjects=subjects, limit=limit)]
