"""The numbers that other programs measure, as they were sent by OpenTelemetry."""

import json

from perdure.core.clock import from_datetime, to_datetime
from perdure.core.ids import END
from perdure.engine.resources import Resources
from perdure.store import series, subjects
from perdure.store.rows import Environment
from perdure.wire.telemetry import Metric, MetricQuery, Metrics

SERIES = 500
"""The most series in one answer."""

POINTS = 20_000
"""The most numbers in one answer."""

_HOUR_MS = 3_600_000


class Measures:
    """Shows series of numbers."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def query(self, environment: Environment, query: MetricQuery) -> Metrics:
        """Return the numbers of a name, or of all, in a time."""
        telemetry = self._resources.telemetry
        until = from_datetime(query.to) + 1 if query.to else END
        since = (
            from_datetime(query.from_) if query.from_ else min(until, self._resources.clock.now()) - _HOUR_MS
        )
        feed = await telemetry.read(subjects.feed, environment.id)
        if feed is None:
            return Metrics(data=[])
        found = await telemetry.read(series.find, feed.id, query.name, since=since, limit=SERIES)
        ids = [one.id for one in found]
        points = await telemetry.read(series.points_of, ids, since=since, until=until, limit=POINTS)
        count = sum(map(len, points.values()))
        shown = [
            Metric(
                name=one.name,
                unit=one.unit,
                attributes=json.loads(one.attributes),
                points=[(to_datetime(time), value) for time, value in points[one.id]],
            )
            for one in found
            if one.id in points
        ]
        return Metrics(data=shown, truncated=len(found) == SERIES or count == POINTS)
