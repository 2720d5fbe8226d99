"""Pages of runs, by any filter."""

from collections.abc import Sequence
from dataclasses import dataclass

from perdure.core.ids import END, first_id
from perdure.core.lifecycle import FINAL
from perdure.store import views
from perdure.store.database import Tx
from perdure.store.rows import Run
from perdure.store.views import Glance

FEW = 1_000
"""When a filter names at most this many runs, only these are looked at."""


@dataclass(frozen=True, kw_only=True)
class RunQuery:
    """Which runs to list: each filter narrows the result, and each list takes any of its values.

    None is no filter; moments are in milliseconds.
    """

    #: nothing fits
    is_empty: bool = False
    statuses: Sequence[str] | None = None
    tasks: Sequence[str] | None = None
    versions: Sequence[str] | None = None
    queues: Sequence[str] | None = None
    machines: Sequence[str] | None = None
    regions: Sequence[str] | None = None
    schedules: Sequence[str] | None = None
    batches: Sequence[str] | None = None
    roots: Sequence[str] | None = None
    parents: Sequence[str] | None = None
    tags: Sequence[str] | None = None
    is_test: bool | None = None
    #: created at this moment or later
    since: int = 0
    #: created at this moment or earlier
    until: int = END - 2
    size: int = 25
    #: the page of older runs than this
    after: str | None = None
    #: the page of newer runs than this
    before: str | None = None


@dataclass(frozen=True, slots=True)
class RunPage:
    """Runs, newest first, and whether there are older and newer ones."""

    runs: Sequence[Glance]
    has_older: bool
    has_newer: bool


# Each list filter's parameter that says there is none.
_LISTS = {
    "statuses": "any_status",
    "tasks": "any_task",
    "versions": "any_version",
    "queues": "any_queue",
    "machines": "any_machine",
    "regions": "any_region",
    "schedules": "any_schedule",
    "batches": "any_batch",
    "roots": "any_root",
    "parents": "any_parent",
    "tags": "any_tag",
}


async def page(tx: Tx, environment: str, query: RunQuery) -> RunPage:
    """Return a page of an environment's runs.

    Either a filter names few runs, and these are looked at; or the runs are walked, from the newest or
    from the cursor on, until the page is full.
    """
    params = _filters(query) | {"environment": environment}
    above = max(query.before or "", first_id("run", query.since))
    below = min(query.after or "s", first_id("run", query.until + 1))
    few = await _few(tx, environment, query)
    if few is not None:
        ids = [one for one in few if above < one < below]
        rows = await tx.all("runs_among", **params, ids=ids)
        rows = rows if query.before is not None else rows[::-1]
    else:
        way = "runs_before" if query.before is None else "runs_after"
        rows = await tx.all(way, **params, above=above, below=below, limit=query.size + 1)
    found, is_more = [Run._make(row) for row in rows[: query.size]], len(rows) > query.size
    if query.before is not None:
        return RunPage(await views.glances(tx, found[::-1]), has_older=True, has_newer=is_more)
    return RunPage(await views.glances(tx, found), has_older=is_more, has_newer=query.after is not None)


async def _few(tx: Tx, environment: str, query: RunQuery) -> list[str] | None:
    """Return all runs that one of the filters names, if an index tells them and they are few."""
    within = {"environment": environment}
    if query.is_empty:
        return []
    is_live = query.statuses and not FINAL.intersection(query.statuses)
    ways: list[tuple[str, Sequence[str] | None, dict[str, str]]] = [
        ("ids_of_parents", query.parents, {}),
        ("ids_of_roots", query.roots, {}),
        ("ids_of_batches", query.batches, {}),
        ("ids_of_schedules", query.schedules, {}),
        ("ids_of_tags", query.tags, within),
        ("ids_of_live_statuses", query.statuses if is_live else None, within),
    ]
    for statement, names, where in ways:
        if names is not None:
            rows = await tx.all(statement, names=names, limit=FEW + 1, **where)
            if len(rows) <= FEW:
                return [row[0] for row in rows]
    return None


def _filters(query: RunQuery) -> dict[str, object]:
    params: dict[str, object] = {}
    params["least_test"], params["most_test"] = (0, 1) if query.is_test is None else [int(query.is_test)] * 2
    for name, flag in _LISTS.items():
        values = getattr(query, name)
        params[name], params[flag] = values or [], int(values is None)
    return params
