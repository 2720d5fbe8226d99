"""Looking at runs."""

from collections.abc import Callable

from perdure.core.errors import NotFound
from perdure.core.lifecycle import FINAL
from perdure.engine.moves import channel_of_run
from perdure.engine.news import look_until
from perdure.engine.queries import query_of
from perdure.engine.resources import Resources
from perdure.store import run_lists, views
from perdure.store.rows import Environment
from perdure.store.run_lists import RunPage
from perdure.store.views import Glance, RunView
from perdure.wire.runs import RunFilter


class Runs:
    """Shows runs."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def get(self, environment: Environment, run: str) -> RunView:
        """Return a run in full.

        Raises:
            NotFound: there is none of this id in the environment.
        """
        view = await self._resources.db.read(views.view, environment.id, run)
        if view is None:
            raise NotFound(kind="run", name=run)
        return view

    async def list(self, environment: Environment, wanted: RunFilter) -> RunPage:
        """Return a page of runs, newest first.

        Raises:
            BadOption: a filter has a value it can't have; the message names it.
        """
        query = query_of(wanted, self._resources.clock.now())
        return await self._resources.db.read(run_lists.page, environment.id, query)

    async def result(
        self,
        environment: Environment,
        run: str,
        *,
        wait: float,
        permit: Callable[[Glance], None] = lambda _: None,
    ) -> Glance | None:
        """Return a run with its output or error once it has ended; None if it has not when the wait is over.

        Args:
            environment: where.
            run: which.
            wait: how long to wait, in seconds.
            permit: is shown the run at the first look, and raises if it is not to be seen.

        Raises:
            NotFound: there is none of this id in the environment.
        """
        db, asked = self._resources.db, (environment.id, run)

        async def look() -> Glance:
            seen = await db.peek(views.outcome, *asked)
            if seen is None:
                raise NotFound(kind="run", name=run)
            permit(seen)
            return seen

        seen = await look_until(
            db.hints,
            [channel_of_run(run)],
            look,
            _has_ended,
            wait=wait,
            every_ms=self._resources.settings.slow_look_ms,
            pause=lambda subscription, seconds: db.ride(subscription, views.outcomes, asked, timeout=seconds),
        )
        return seen if _has_ended(seen) else None


def _has_ended(seen: Glance) -> bool:
    return seen.run.status in FINAL
