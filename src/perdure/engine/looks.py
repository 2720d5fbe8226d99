"""One look at many topics: a constant number of statements for all runs, all batches and all streams."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from perdure.engine.watched import STREAM, Topic
from perdure.store import feed, streams
from perdure.store.database import Database, Tx
from perdure.store.feed import Version

TAG_MS = 86_400_000
"""Of the runs with a tag, those are watched that were made in so long (Trigger.dev's number)."""

TOGETHER = 1_000
"""The most topics of a kind in one statement."""


@dataclass(slots=True)
class Seen:
    """What a look found."""

    members: dict[str, Version] = field(default_factory=dict)
    is_over: bool = False


async def look_at(db: Database, topics: Sequence[Topic], now: int) -> dict[Topic, Seen]:
    """Return the states of some topics."""
    found: dict[Topic, Seen] = {topic: Seen() for topic in topics}
    for kind, look in (("run", _runs), ("batch", _batches), ("stream", _streams)):
        of_kind = [topic for topic in topics if topic.kind == kind]
        for start in range(0, len(of_kind), TOGETHER):
            found |= await db.read(look, of_kind[start : start + TOGETHER])
    for topic in topics:
        if topic.kind == "tags":
            found[topic] = Seen(await db.read(_tags, topic, now))
    return found


async def _runs(tx: Tx, topics: Sequence[Topic]) -> dict[Topic, Seen]:
    versions = await feed.of_runs(tx, [topic.subjects[0] for topic in topics])
    return {
        topic: Seen({run: version}, version.is_final)
        if (version := versions.get(run))
        else Seen(is_over=True)
        for topic in topics
        for run in topic.subjects
    }


async def _batches(tx: Tx, topics: Sequence[Topic]) -> dict[Topic, Seen]:
    batches = [topic.subjects[0] for topic in topics]
    # In this order: of a batch that is closed, all runs are there.
    closed = await feed.closed(tx, batches)
    versions = await feed.of_batches(tx, batches)
    return {
        topic: Seen(versions[batch], batch in closed and all(v.is_final for v in versions[batch].values()))
        for topic in topics
        for batch in topic.subjects
    }


async def _streams(tx: Tx, topics: Sequence[Topic]) -> dict[Topic, Seen]:
    runs = sorted({topic.subjects[0] for topic in topics})
    # In this order: of a run that has ended, all chunks are there.
    versions = await feed.of_runs(tx, runs)
    lengths = await streams.lengths(tx, runs)
    return {
        topic: Seen(
            {STREAM: Version(lengths.get((topic.subjects[0], topic.subjects[1]), 0), False)},
            topic.subjects[0] not in versions or versions[topic.subjects[0]].is_final,
        )
        for topic in topics
    }


async def _tags(tx: Tx, topic: Topic, now: int) -> dict[str, Version]:
    return await feed.of_tags(tx, topic.environment, topic.subjects, since=now - TAG_MS)
