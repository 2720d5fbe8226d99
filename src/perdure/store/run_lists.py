"""Pages of runs, by any filter."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from perdure.store import views
from perdure.store.database import Tx
from perdure.store.rows import Run
from perdure.store.views import Glance

NEWEST = "run_~"
"""A cursor after every run's id."""


@dataclass(frozen=True, kw_only=True)
class RunQuery:
    """Which runs to list: each filter narrows the result, and each list takes any of its values.

    None is no filter; moments are in milliseconds.
    """

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
    since: int = 0
    until: int = 2**53
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
    """Return a page of an environment's runs."""
    params = _filters(query) | {"environment": environment, "limit": query.size + 1}
    if query.before is not None:
        rows = await tx.all("runs_after", **params, cursor=query.before)
        found = [Run(*row) for row in reversed(rows[: query.size])]
        older, newer = True, len(rows) > query.size
    else:
        rows = await tx.all("runs_before", **params, cursor=query.after or NEWEST)
        found = [Run(*row) for row in rows[: query.size]]
        older, newer = len(rows) > query.size, query.after is not None
    return RunPage(await views.glances(tx, found), older, newer)


def _filters(query: RunQuery) -> dict[str, object]:
    params: dict[str, object] = {"since": query.since, "until": query.until}
    params["least_test"], params["most_test"] = (0, 1) if query.is_test is None else [int(query.is_test)] * 2
    values = {field.name: getattr(query, field.name) for field in fields(query)}
    for name, flag in _LISTS.items():
        params[name] = values[name] or []
        params[flag] = int(values[name] is None)
    return params
