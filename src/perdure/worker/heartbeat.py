"""Keeps the leases of what the worker holds, from a thread with a connection of its own.

Nothing that happens in the event loop can delay it: a lease is lost only when the worker's process is
stopped, or the server can't be reached.
"""

import logging
import threading
from collections.abc import Callable

from perdure.client import Client
from perdure.core.errors import NotFound, PerdureError
from perdure.wire import endpoints
from perdure.wire.workers import Heartbeat, RunRef

log = logging.getLogger(__name__)


class Heart(threading.Thread):
    """Beats until it is stopped."""

    def __init__(
        self,
        client: Client,
        every: float,
        held: Callable[[], tuple[str | None, list[RunRef]]],
        on_lost: Callable[[list[RunRef]], None],
        on_unknown: Callable[[str], None],
    ) -> None:
        """Beat for a worker.

        Args:
            client: a connection that nobody else uses.
            every: seconds between two beats.
            held: gives the worker's id, if it has one, and the runs it holds; called in this thread.
            on_lost: is told, in this thread, of runs that are not the worker's any more.
            on_unknown: is told, in this thread, of an id that the server does not know.
        """
        super().__init__(name="perdure-heartbeat", daemon=True)
        self._client = client
        self._every = every
        self._held = held
        self._on_lost = on_lost
        self._on_unknown = on_unknown
        self._stopped = threading.Event()

    def run(self) -> None:
        """Beat, and sleep."""
        while not self._stopped.wait(self._every):
            self.beat()
        self._client.close()

    def beat(self) -> None:
        """Tell the server once what the worker holds."""
        worker_id, runs = self._held()
        if worker_id is None:
            return
        try:
            answer = self._client.call(endpoints.workers.HEARTBEAT, Heartbeat(worker_id=worker_id, runs=runs))
        except NotFound:
            self._on_unknown(worker_id)
        except PerdureError as error:
            log.debug("No heartbeat: %s", error)  # the session tells of a server that is gone
        else:
            if answer.lost:
                self._on_lost(answer.lost)

    def stop(self) -> None:
        """Beat no more."""
        self._stopped.set()
