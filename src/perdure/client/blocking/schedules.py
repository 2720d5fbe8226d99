# Written by ./dev gen from perdure/client/asynchronous; edit that.

"""Schedules, for blocking code."""

from collections.abc import Iterator
from typing import Any

from perdure.client.call import Sender
from perdure.client.calls import schedules as calls
from perdure.wire import schedules as wire


class Schedules:
    """When tasks run by themselves."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def create(self, task: Any, cron: str, *, deduplication_key: str, **options: Any) -> wire.Schedule:
        """Make a schedule; if there is one of this deduplication key, it becomes like this.

        Args:
            task: a task, or its id.
            cron: five fields: minute, hour, day of month, month, weekday.
            deduplication_key: what it is known by, so that saying this twice makes one.
            options: `timezone` (an IANA name; UTC by default), `window` (spread ticks over a duration up to
                24 hours, or `"30%"` of the time between two), `missed` (`"skip"` or `"catch_up"`),
                `max_catch_up` (100 by default), `overlap` (`"allow"`, `"skip"`, `"queue"` or
                `"cancel_old"`), `external_id` (a text of your own, which the runs are given).

        Raises:
            BadCron, UnknownZone: there is no such expression, or time zone.
            BadOption, UnknownOption: an option is unknown, or has a value it can't have.
            Unprocessable: the environment's current version does not have the task.
        """
        return self._client.send(calls.create(task, deduplication_key, {"cron": cron, **options}))

    def retrieve(self, schedule: str) -> wire.Schedule:
        """Get a schedule.

        Raises:
            NotFound: there is none of this id.
        """
        return self._client.send(calls.retrieve(schedule))

    def page(self, **filters: Any) -> wire.SchedulePage:
        """Get one page of schedules, newest first.

        Args:
            filters: `task`, `page` (the first is 1), `per_page` (20 by default, 100 at most).
        """
        return self._client.send(calls.page(filters))

    def list(self, **filters: Any) -> Iterator[wire.Schedule]:
        """Go through schedules, newest first, fetching pages as they are needed; see `page`."""
        number, last = 1, 1
        while number <= last:
            page = self.page(**{"per_page": 100, **filters, "page": number})
            yield from page.data
            number, last = number + 1, page.pagination.total_pages

    def update(self, schedule: str, **changes: Any) -> wire.Schedule:
        """Change a schedule that the API made; what is left out stays as it is.

        Args:
            schedule: its id.
            changes: `task`, `cron` and the options of `create`; None takes `window` or `external_id` away.

        Raises:
            NotFound: there is none of this id.
            DeclaredInCode: code declares it.
            BadCron, UnknownZone, BadOption, UnknownOption, Unprocessable: as `create`.
        """
        return self._client.send(calls.update(schedule, changes))

    def activate(self, schedule: str) -> wire.Schedule:
        """Let a schedule tick again, from now on.

        Raises:
            NotFound: there is none of this id.
        """
        return self._client.send(calls.activate(schedule))

    def deactivate(self, schedule: str) -> wire.Schedule:
        """Stop a schedule, a declared one too, until it is activated.

        Raises:
            NotFound: there is none of this id.
        """
        return self._client.send(calls.deactivate(schedule))

    def delete(self, schedule: str) -> None:
        """Delete a schedule that the API made; its runs stay.

        Raises:
            NotFound: there is none of this id.
            DeclaredInCode: code declares it.
        """
        self._client.send(calls.delete(schedule))

    def run(self, schedule: str) -> str:
        """Run a schedule's task now, as a tick would; return the run's id.  Its ticks stay as they are.

        Raises:
            NotFound: there is none of this id.
        """
        return (self._client.send(calls.run(schedule))).id

    def timezones(self) -> tuple[str, ...]:
        """List the names of the time zones that a schedule can be in, UTC first."""
        return tuple((self._client.send(calls.timezones())).timezones)
