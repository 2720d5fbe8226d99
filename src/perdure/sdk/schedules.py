"""Schedules, as code declares them: `@task(cron="0 9 * * 1-5", timezone="Europe/Paris")`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from perdure import wire
from perdure.core.cron import cron as read_cron
from perdure.core.duration import Duration
from perdure.core.errors import BadOption
from perdure.core.names import nearest
from perdure.core.spread import window_text

MAX_CATCH_UP = 1000

ENVIRONMENTS = {
    "dev": "dev",
    "development": "dev",
    "stg": "stg",
    "staging": "stg",
    "preview": "preview",
    "prod": "prod",
    "production": "prod",
}
"""The kinds of environment, and what else they are called."""


@dataclass(frozen=True)
class Cron:
    """When a task runs by itself, for `@task(cron=…)`.

    Raises:
        BadCron, UnknownZone: there is no such expression, or time zone.
        BadOption: another value can't be.
    """

    #: five fields: minute, hour, day of month, month, weekday
    expression: str
    #: an IANA name; None: that of the task
    timezone: str | None = None
    #: where it is live, as in `["prod", "staging"]`; None: where the task says, or everywhere
    environments: str | Sequence[str] | None = None
    #: spread ticks over this long: up to 24 hours, or "30%" of the time between two
    window: Duration | None = None
    #: ticks that came while no server ran: "skip" or "catch_up"
    missed: wire.schedules.Missed = "skip"
    #: how many ticks are caught up with, or wait for an older run, at most
    max_catch_up: int = 100
    #: a tick while an older run goes on: "allow", "skip", "queue" or "cancel_old"
    overlap: wire.schedules.Overlap = "allow"

    def __post_init__(self) -> None:
        """Refuse what can't be, where it is written."""
        read_cron(self.expression, self.timezone or "UTC")
        environment_types(self.environments)
        if self.window is not None:
            window_text(self.window)
        for option, value, known in (
            ("missed", self.missed, MISSED),
            ("overlap", self.overlap, OVERLAP),
        ):
            if value not in known:
                raise BadOption(option=option, value=value, expected=f"one of {', '.join(known)}")
        if not 1 <= self.max_catch_up <= MAX_CATCH_UP:
            raise BadOption(option="max_catch_up", value=self.max_catch_up, expected=f"1 to {MAX_CATCH_UP}")


MISSED = ("skip", "catch_up")
OVERLAP = ("allow", "skip", "queue", "cancel_old")

Crons: TypeAlias = "str | Cron | Sequence[str | Cron]"
"""What `@task(cron=…)` takes."""


def resolve(
    crons: Crons | None, timezone: str | None, environments: str | Sequence[str] | None
) -> list[Cron]:
    """Return a task's schedules with all that the task says of them.

    Args:
        crons: one expression, or several.
        timezone: that of those that name none.
        environments: those of the ones that name none.

    Raises:
        BadCron, UnknownZone: there is no such expression, or time zone.
        BadOption: another value can't be; or two of them are the same.
    """
    made = [
        replace(
            one,
            timezone=one.timezone or timezone or "UTC",
            environments=environment_types(environments if one.environments is None else one.environments),
        )
        for one in _each(crons)
    ]
    times = [(one.expression, one.timezone) for one in made]
    for time in times:
        if times.count(time) > 1:
            raise BadOption(option="cron", value=time[0], expected="to be there once for each time zone")
    return made


def environment_types(environments: str | Sequence[str] | None) -> list[str] | None:
    """Return kinds of environment as the server calls them, or None for all.

    Raises:
        BadOption: there is no such kind; the nearest is named.
    """
    if environments is None:
        return None
    asked = [environments] if isinstance(environments, str) else environments
    for name in asked:
        if name.lower() not in ENVIRONMENTS:
            hint = nearest(name.lower(), ENVIRONMENTS)
            raise BadOption(option="environments", value=name, expected=f"kinds of environment; {hint}")
    return sorted({ENVIRONMENTS[name.lower()] for name in asked})


def _each(crons: Crons | None) -> Iterable[Cron]:
    given = [] if crons is None else [crons] if isinstance(crons, (str, Cron)) else crons
    return [one if isinstance(one, Cron) else Cron(one) for one in given]


def manifest(cron: Cron) -> wire.manifests.ScheduleManifest:
    """Return what the server is told of a schedule that `resolve` gave."""
    return wire.manifests.ScheduleManifest.model_validate(
        {
            "cron": cron.expression,
            "timezone": cron.timezone,
            "environments": cron.environments,
            "window": None if cron.window is None else window_text(cron.window),
            "missed": cron.missed,
            "max_catch_up": cron.max_catch_up,
            "overlap": cron.overlap,
        }
    )
