"""Looking at runs."""

from perdure.core.errors import NotFound
from perdure.core.lifecycle import FINAL
from perdure.engine.moves import channel_of_run
from perdure.engine.news import look_until
from perdure.engine.queries import query_of
from perdure.engine.resources import Resources
from perdure.store import run_lists, runs, views
from perdure.store.rows import Environment, Run
from perdure.store.run_lists import RunPage
from perdure.store.views import RunView
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

    async def result(self, environment: Environment, run: str, *, wait: float) -> RunView | None:
        """Return a run once it has ended; None if it has not when the wait is over.

        Args:
            environment: where.
            run: which.
            wait: how long to wait, in seconds.

        Raises:
            NotFound: there is none of this id in the environment.
        """
        row = await look_until(
            self._resources.db.hints,
            [channel_of_run(run)],
            lambda: self._row(environment, run),
            lambda row: row.status in FINAL,
            wait=wait,
            every_ms=self._resources.settings.slow_look_ms,
        )
        return await self.get(environment, run) if row.status in FINAL else None

    async def _row(self, environment: Environment, run: str) -> Run:
        row = await self._resources.db.read(runs.find, environment.id, run)
        if row is None:
            raise NotFound(kind="run", name=run)
        return row
