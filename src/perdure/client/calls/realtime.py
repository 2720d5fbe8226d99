"""What is asked of the feed of runs."""

from collections.abc import Sequence

from perdure.client.call import Call
from perdure.client.options import moment_or_duration
from perdure.core.duration import Duration
from perdure.wire import endpoints, realtime


def run(run: str, skip: Sequence[str]) -> Call[realtime.WatchRuns, realtime.Changes]:
    """Watch a run."""
    return Call(endpoints.realtime.WATCH_RUN, realtime.WatchRuns(skip_columns=_columns(skip)), {"run": run})


def batch(batch: str, skip: Sequence[str]) -> Call[realtime.WatchRuns, realtime.Changes]:
    """Watch the runs of a batch."""
    body = realtime.WatchRuns(skip_columns=_columns(skip))
    return Call(endpoints.realtime.WATCH_BATCH, body, {"batch": batch})


def tags(
    tags: Sequence[str], skip: Sequence[str], since: Duration | None
) -> Call[realtime.WatchTags, realtime.Changes]:
    """Watch the runs that have all of some tags."""
    created_at = None if since is None else str(moment_or_duration(since))
    body = realtime.WatchTags(tags=",".join(tags), skip_columns=_columns(skip), created_at=created_at)
    return Call(endpoints.realtime.WATCH_TAGS, body)


def _columns(names: Sequence[str]) -> str | None:
    """Return names of fields, spelled as in Python, as the server spells them."""
    return ",".join(_camel(name) for name in names) or None


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
