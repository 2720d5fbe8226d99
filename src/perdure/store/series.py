"""Numbers that other programs measure, in the telemetry database."""

from collections.abc import Sequence
from dataclasses import dataclass

from perdure.store import subjects
from perdure.store.database import Tx

BATCH = 200
"""The most series whose points are forgotten in one transaction."""


@dataclass(frozen=True, slots=True)
class NewPoint:
    """A number; `attributes` is a JSON object, and `time` in milliseconds."""

    name: str
    unit: str
    attributes: str
    time: int
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of one name and one set of attributes."""

    id: int
    name: str
    unit: str
    attributes: str


async def add(tx: Tx, environment: str, points: Sequence[NewPoint]) -> None:
    """Store numbers of an environment."""
    feed, _ = await subjects.count_feed(tx, environment, lines=0)
    seen = {(point.name, point.attributes): point for point in sorted(points, key=lambda point: point.time)}
    rows = [
        {"feed": feed, "name": name, "unit": last.unit, "attributes": attributes, "last_at": last.time}
        for (name, attributes), last in sorted(seen.items())
    ]
    ids = {(row["name"], row["attributes"]): row["id"] for row in await tx.all("touch_series", series=rows)}
    values = {(ids[point.name, point.attributes], point.time): point.value for point in points}
    new = [{"series": id, "time": time, "value": value} for (id, time), value in sorted(values.items())]
    await tx.run("put_points", points=new)


async def find(tx: Tx, feed: int, name: str | None, *, since: int, limit: int) -> list[Series]:
    """Return the series of an environment that have a name, or any, and numbers since a moment."""
    rows = await tx.all("series_of_name", feed=feed, name=name, since=since, limit=limit)
    return [Series(*row) for row in rows]


async def points_of(
    tx: Tx, series: Sequence[int], *, since: int, until: int, limit: int
) -> dict[int, list[tuple[int, float]]]:
    """Return times and numbers, by series."""
    found: dict[int, list[tuple[int, float]]] = {}
    rows = await tx.all("points_of_series", series=series, since=since, until=until, limit=limit)
    for id, time, value in rows:
        found.setdefault(id, []).append((time, value))
    return found


async def forget(tx: Tx, *, before: int, after: int) -> int | None:
    """Forget old numbers of the next series after one; return the last of these, or None at the end."""
    ids = [row["id"] for row in await tx.all("old_series", after=after, limit=BATCH)]
    if ids:
        await tx.run("delete_points", series=ids, before=before)
        await tx.run("delete_series", series=ids, before=before)
    return ids[-1] if ids else None
