"""How schedules look on the screen."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

from rich.text import Text

from perdure.cli.screen import Cell, console, duration_text, moment_text, show_fields, show_json, show_table
from perdure.core.clock import from_datetime, to_datetime
from perdure.core.cron import Cron, zone
from perdure.wire.schedules import Schedule

_TICKS = 5
_MISSED = {"skip": "skipped", "catch_up": "caught up with, the latest {count}"}
_OVERLAP = {
    "allow": "run beside each other",
    "skip": "a tick is skipped while an older run goes on",
    "queue": "ticks wait for older runs, the latest {count}",
    "cancel_old": "a tick cancels older runs",
}


def show(schedule: Schedule, *, json: bool) -> None:
    """Write all there is to see of a schedule, and its next ticks in its zone."""
    if json:
        show_json(schedule)
        return
    show_fields(_fields(schedule))
    if schedule.active:
        print()
        show_ticks(schedule.generator.expression, schedule.timezone, _TICKS, json=False)


def show_many(schedules: Sequence[Schedule], *, json: bool) -> None:
    """Write what became of several schedules."""
    if json:
        show_json(list(schedules))
    else:
        show_schedules(schedules)


def show_schedules(schedules: Sequence[Schedule]) -> None:
    """Write a list of schedules."""
    if not schedules:
        console().print("There are no schedules: declare one with @task(cron=…), or use `schedules create`.")
        return
    rows = [
        (one.id, one.task, _time(one), moment_text(one.next_run_effective_at), _state(one))
        for one in schedules
    ]
    show_table(("SCHEDULE", "TASK", "CRON", "NEXT", "STATE"), rows, keep=("SCHEDULE", "CRON", "NEXT"))
    for problem in dict.fromkeys(one.problem for one in schedules if one.problem):
        console().print(Text(f"\n{problem}", "yellow"))


def show_ticks(expression: str, timezone: str, count: int, *, json: bool) -> None:
    """Write the next ticks of an expression, by the clocks of its zone.

    Raises:
        BadCron, UnknownZone: there is no such expression, or time zone.
    """
    now = datetime.now(UTC)
    ticks = list(islice(Cron(expression, timezone).after(from_datetime(now)), count))
    local = [to_datetime(tick).astimezone(zone(timezone)) for tick in ticks]
    if json:
        show_json([moment.isoformat() for moment in local])
        return
    rows = [(f"{moment:%a %Y-%m-%d %H:%M}", f"{moment:%Z}", _until(moment, now)) for moment in local]
    show_table((f"NEXT IN {timezone.upper()}", "", ""), rows)


def _fields(schedule: Schedule) -> Iterator[tuple[str, Cell]]:
    yield "Schedule", schedule.id
    yield "Task", schedule.task
    yield "Cron", f"{schedule.generator.expression}  ({schedule.generator.description})"
    yield "Time zone", schedule.timezone
    yield "State", _state(schedule)
    if schedule.problem:
        yield "", Text(schedule.problem, "yellow")
    if schedule.window:
        yield "Window", f"{schedule.window}; the next runs at {moment_text(schedule.next_run_effective_at)}"
    yield "Missed", _MISSED[schedule.missed].format(count=schedule.max_catch_up)
    yield "Overlap", _OVERLAP[schedule.overlap].format(count=schedule.max_catch_up)
    optional = {
        "Held": f"{schedule.held} ticks" if schedule.held else None,
        "Last tick": moment_text(schedule.last_run),
        "External id": schedule.external_id,
        "Key": schedule.deduplication_key,
    }
    yield from ((label, value) for label, value in optional.items() if value)
    made = "declared in code" if schedule.type == "DECLARATIVE" else "made by the API"
    yield "Made", f"{made}, live in {', '.join(one.type.lower() for one in schedule.environments)}"


def _time(schedule: Schedule) -> str:
    expression = schedule.generator.expression
    return expression if schedule.timezone == "UTC" else f"{expression} {schedule.timezone}"


def _state(schedule: Schedule) -> Text:
    if not schedule.active:
        return Text("off", "dim")
    return Text("hindered", "yellow") if schedule.problem else Text("on", "green")


def _until(moment: datetime, now: datetime) -> str:
    return f"in {duration_text((moment - now).total_seconds() * 1000)}"
