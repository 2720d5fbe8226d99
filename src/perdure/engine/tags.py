"""Tags that are added to runs after they were triggered."""

from collections.abc import Mapping, Sequence

from perdure.core.errors import NotFound, TooManyTags
from perdure.engine.changes import channel_of_tag, touched
from perdure.engine.options import plain_text
from perdure.engine.resources import Resources
from perdure.store import history, runs
from perdure.store.database import Tx
from perdure.store.rows import Environment, Run
from perdure.wire.values import MAX_TAGS


class Tags:
    """Adds tags."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def add(self, environment: Environment, run: str, tags: Sequence[str]) -> None:
        """Add tags to a run; those it has stay as they are.

        Raises:
            NotFound: there is no such run in the environment.
            TooManyTags: it would have more than ten.
            BadOption: a tag is no text that can be stored.
        """
        checked = [plain_text("tags", tag) for tag in dict.fromkeys(tags)]
        await self._resources.db.transact(self._add, environment.id, run, checked)

    async def _add(self, tx: Tx, environment: str, run: str, tags: Sequence[str]) -> None:
        row = (await runs.lock(tx, [run])).get(run)
        if row is None or row.environment != environment:
            raise NotFound(kind="run", name=run)
        known = (await history.tags_of(tx, [run])).get(run, [])
        fresh = [tag for tag in tags if tag not in known]
        if len(known) + len(fresh) > MAX_TAGS:
            raise TooManyTags(run=run, count=len(known) + len(fresh), limit=MAX_TAGS)
        await _store(tx, {row: fresh}, self._resources.clock.now())


async def record(tx: Tx, reported: Sequence[tuple[Run, Sequence[str]]], now: int) -> None:
    """Add the tags that tasks gave their runs; those over the limit are left out, as the SDK has told."""
    wanted: dict[Run, list[str]] = {}
    for run, tags in reported:
        wanted.setdefault(run, []).extend(tag for tag in tags if "\0" not in tag)
    known = await history.tags_of(tx, sorted(run.id for run in wanted))
    fresh: dict[Run, list[str]] = {}
    for run, tags in wanted.items():
        has = known.get(run.id, [])
        fresh[run] = [tag for tag in dict.fromkeys(tags) if tag not in has][: max(0, MAX_TAGS - len(has))]
    await _store(tx, fresh, now)


async def _store(tx: Tx, tags: Mapping[Run, Sequence[str]], now: int) -> None:
    rows = [
        {"environment": run.environment, "tag": tag, "run": run.id}
        for run, added in tags.items()
        for tag in added
    ]
    if rows:
        await history.add_tags(tx, rows)
        await touched(tx, sorted({row["run"] for row in rows}), now)
        tx.hint(*(channel_of_tag(row["environment"], row["tag"]) for row in rows))
