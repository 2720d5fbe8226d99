"""What was seen of runs is stored in batches, in a database of its own, away from what runs.

Everything comes through `Telemetry.add`: what workers send, and what other programs send as OpenTelemetry.
One batch is one transaction; its rows are locked in one order: subjects by name, then the environment's feed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field

from perdure.core.traces import MAX_SPANS
from perdure.engine.resources import Resources
from perdure.store import logs, spans, subjects
from perdure.store.database import Tx
from perdure.store.rows import Environment


def channel_of_log(run: str) -> str:
    """Return the channel that is hinted, in this process, when a run has new log lines."""
    return f"log:{run}"


def channel_of_logs(environment: str) -> str:
    """Return the channel that is hinted, in this process, when an environment has new log lines."""
    return f"logs:{environment}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """A log line to store; times in milliseconds, `properties` as JSON, `span` as a number."""

    subject: str
    task: str | None
    attempt: int
    time: int
    level: str
    source: str
    message: str
    properties: str | None = None
    place: str | None = None
    span: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSpan:
    """A span to store, or to put in the place of what is there; ids as numbers, `attributes` as JSON."""

    subject: str
    task: str | None
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
    place: str | None = None
    is_new: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What was seen, of an environment."""

    lines: Sequence[NewLine] = ()
    spans: Sequence[NewSpan] = ()
    #: how many were dropped before
    dropped: int = 0


Listener = Callable[[Environment, Batch], None]
"""Is told of what was stored; must be quick, and must not raise."""


@dataclass(slots=True)
class _Added:
    task: str | None
    lines: int = 0
    spans: int = 0
    last_at: int = 0


@dataclass
class Telemetry:
    """Stores what was seen."""

    resources: Resources
    listeners: list[Listener] = field(default_factory=list)

    async def add(self, environment: Environment, batch: Batch) -> int:
        """Store what was seen; return how many spans were over the limit of their run, and dropped."""
        if not (batch.lines or batch.spans or batch.dropped):
            return 0
        now = self.resources.clock.now()
        dropped = await self.resources.telemetry.transact(_store, environment.id, batch, now)
        names = {line.subject for line in batch.lines}
        if names:
            channels = {channel_of_logs(environment.id), *map(channel_of_log, names)}
            self.resources.db.hints.deliver(frozenset(channels))
        for listener in self.listeners:
            listener(environment, batch)
        return dropped


async def _store(tx: Tx, environment: str, batch: Batch, now: int) -> int:
    feed, _ = await subjects.count_feed(tx, environment, lines=0, dropped=batch.dropped)
    added = _added(batch, now)
    if not added:
        return 0
    rows = [{"feed": feed, "name": name, **asdict(added[name])} for name in sorted(added)]
    counted = await subjects.count(tx, rows)
    if batch.lines:
        await _store_lines(tx, environment, batch.lines, counted)
    return await _store_spans(tx, batch.spans, counted, added) if batch.spans else 0


def _added(batch: Batch, now: int) -> dict[str, _Added]:
    added: dict[str, _Added] = {}
    for line in batch.lines:
        one = added.setdefault(line.subject, _Added(line.task))
        one.lines += 1
        one.last_at = max(one.last_at, min(line.time, now))
    for span in batch.spans:
        one = added.setdefault(span.subject, _Added(span.task))
        one.spans += span.is_new
        one.last_at = now
    return added


async def _store_lines(
    tx: Tx, environment: str, lines: Iterable[NewLine], counted: dict[str, subjects.Counted]
) -> None:
    lines = list(lines)
    feed, total = await subjects.count_feed(tx, environment, lines=len(lines))
    number = total - len(lines)
    of_subject = Counter(line.subject for line in lines)
    places = {name: counted[name].lines - count for name, count in of_subject.items()}
    rows = []
    for line in lines:
        number += 1
        places[line.subject] += 1
        rows.append(
            {
                "feed": feed,
                "number": number,
                "subject": counted[line.subject].id,
                "line": places[line.subject],
                "attempt": line.attempt,
                "time": line.time,
                "level": line.level,
                "source": line.source,
                "message": line.message,
                "properties": line.properties,
                "place": line.place,
                "span": line.span,
            }
        )
    await logs.insert(tx, rows)


async def _store_spans(
    tx: Tx, new: Sequence[NewSpan], counted: dict[str, subjects.Counted], added: dict[str, _Added]
) -> int:
    """Store spans up to the limit of each subject; return how many were over it."""
    room = {name: MAX_SPANS - (counted[name].spans - one.spans) for name, one in added.items()}
    dropped: Counter[int] = Counter()
    rows: dict[tuple[int, int], dict[str, object]] = {}  # of one that is there twice, the last counts
    for span in new:
        subject = counted[span.subject].id
        if span.is_new:
            room[span.subject] -= 1
            if room[span.subject] < 0:
                dropped[subject] += 1
                continue
        rows[subject, span.id] = {"subject": subject, **{name: getattr(span, name) for name in _COLUMNS}}
    await spans.put(tx, list(rows.values()))
    if dropped:
        await subjects.count_dropped_spans(tx, dropped)
    return sum(dropped.values())


_COLUMNS = (
    "id", "parent", "attempt", "source", "name", "started_ns", "ended_ns", "is_error", "message",
    "attributes", "place",
)  # fmt: skip
