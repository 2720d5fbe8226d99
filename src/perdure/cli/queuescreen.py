"""What `perdure queues` writes."""

from datetime import UTC, datetime

from rich.text import Text

from perdure.cli.remote import read_duration
from perdure.cli.screen import Cell, duration_text, moment_text, show_fields, show_json, show_table
from perdure.core.duration import Duration
from perdure.core.errors import BadOption
from perdure.wire.manifests import Rate
from perdure.wire.queues import EnvironmentLoad, Queue, QueueKeys

NONE = "-"


def which(queue: str | None, all: bool) -> str | None:
    """Return the queue that a command is about, or None for the environment.

    Raises:
        BadOption: neither was said, or both were.
    """
    if (queue is None) is not all:
        raise BadOption("Say which queue, or --all for the environment; `perdure queues list` shows them")
    return queue


def read_limit(text: str) -> int | None:
    """Return a limit as it was typed, or None for none; raises BadOption."""
    if text.lower() == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise BadOption(option="the limit", value=text, expected="a whole number, or none") from None


def read_ttl(text: str) -> Duration | None:
    """Return a TTL as it was typed: 0 for none, None for the server's; raises BadDuration."""
    named: dict[str, Duration | None] = {"none": 0, "default": None}
    return named[text.lower()] if text.lower() in named else read_duration(text)


def tell(done: Queue | EnvironmentLoad, what: str, *, json: bool) -> None:
    """Say what was done to a queue, or to the environment."""
    if json:
        show_json(done)
    elif isinstance(done, Queue):
        print(f"Queue {name_of(done)} {what}; {done.queued} queued, {done.running} running.")
    else:
        print(f"Environment {done.slug} {what}; {done.queued} queued, {done.running} running.")


def name_of(queue: Queue) -> str:
    """Return the name by which commands find a queue."""
    return f"task/{queue.name}" if queue.type == "task" else queue.name


def show_environment(load: EnvironmentLoad) -> None:
    """Write a line about the environment."""
    limit = "no limit" if load.concurrency_limit is None else f"limit {load.concurrency_limit}"
    if load.concurrency_limit is not None and load.burst_factor > 1:
        limit += f", bursts to {int(load.concurrency_limit * load.burst_factor)}"
    paused = f", paused since {moment_text(load.paused_at)}" if load.paused else ""
    print(f"Environment {load.slug}: {load.queued} queued, {load.running} running, {limit}{paused}")


def show_queues(found: list[Queue]) -> None:
    """Write a table of queues."""
    if not found:
        print("There are no queues yet: the first worker that connects defines them.")
        return
    rows = [
        (
            name_of(queue),
            _number(queue.queued),
            _number(queue.running),
            _limit(queue),
            NONE if queue.total_limit is None else str(queue.total_limit),
            rate_text(queue.rate_limit),
            _state(queue),
        )
        for queue in found
    ]
    show_table(("QUEUE", "QUEUED", "RUNNING", "LIMIT", "TOTAL", "RATE", ""), rows, keep=("QUEUE", "RATE"))


def show_queue(found: QueueKeys) -> None:
    """Write a queue, and a table of its keys."""
    queue = found.queue
    fields: list[tuple[str, Cell]] = [
        ("queue", name_of(queue)),
        ("id", queue.id),
        ("state", _state(queue) or Text("open", "green")),
        ("queued", str(queue.queued)),
        ("running", str(queue.running)),
        ("limit", _limit_told(queue)),
        ("total limit", NONE if queue.total_limit is None else f"{queue.total_limit} over all keys"),
        ("rate", _rate_told(found)),
        ("oldest wait", NONE if found.oldest_at is None else _since(found.oldest_at)),
    ]
    show_fields(fields)
    keyed = [one for one in found.keys if one.key is not None]
    if keyed:
        print()
        rows = [
            (
                one.key or NONE,
                str(one.queued),
                str(one.running),
                NONE if one.oldest_at is None else _since(one.oldest_at),
                moment_text(one.closed_until) or NONE,
            )
            for one in found.keys
        ]
        show_table(("KEY", "QUEUED", "RUNNING", "OLDEST WAIT", "NEXT BY RATE"), rows, keep=("KEY",))


def rate_text(rate: Rate | None) -> str:
    """Return a rate in short: `100 per 1 min, each key`."""
    if rate is None:
        return NONE
    each = ", each key" if rate.per_key else ""
    return f"{rate.limit} per {duration_text(rate.period_ms)}{each}"


def _rate_told(found: QueueKeys) -> str:
    rate = found.queue.rate_limit
    if rate is None:
        return NONE
    burst = f", {rate.burst} at once" if rate.burst and rate.burst > 1 else ""
    following = f"; the next at {moment_text(found.closed_until)}" if found.closed_until else ""
    return f"{rate_text(rate)}{burst}{following}"


def _limit(queue: Queue) -> Cell:
    if queue.concurrency_limit is None:
        return NONE
    if queue.concurrency.override is None:
        return str(queue.concurrency_limit)
    return Text(f"{queue.concurrency_limit} (was {_or_none(queue.concurrency.base)})", "yellow")


def _limit_told(queue: Queue) -> Cell:
    if queue.concurrency.override is None:
        return NONE if queue.concurrency_limit is None else f"{queue.concurrency_limit} of each key"
    since = moment_text(queue.concurrency.overridden_at)
    base = _or_none(queue.concurrency.base)
    return Text(f"{queue.concurrency_limit} since {since}, instead of {base} in the code", "yellow")


def _or_none(limit: int | None) -> str:
    return "none" if limit is None else str(limit)


def _number(number: int) -> Cell:
    return Text(str(number), "dim") if number == 0 else str(number)


def _state(queue: Queue) -> Text:
    return Text(f"paused since {moment_text(queue.paused_at)}", "yellow") if queue.paused else Text("")


def _since(moment: datetime) -> str:
    return duration_text(max(0.0, (datetime.now(UTC) - moment).total_seconds() * 1000))
