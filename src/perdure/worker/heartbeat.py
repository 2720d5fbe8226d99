"""Keeps the leases of what the worker holds, from a thread with a connection of its own.

Nothing that happens in the event loop can delay it: a lease is lost only when the worker's process is
stopped, or the server can't be reached.
"""

import logging
import threading
import time
from collections.abc import Callable

from perdure.client import Client
from perdure.core.errors import NotFound, PerdureError
from perdure.wire import endpoints
from perdure.wire.workers import Heartbeat, HeartbeatAnswer, RunRef

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
        """Beat, and sleep; an answer that is long in coming delays no beat."""
        due = time.monotonic() + self._every
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            due = time.monotonic() + self._every
            self.beat()
        self._client.close()

    def beat(self) -> None:
        """Tell the server once what the worker holds."""
        beat = self.next_beat()
        if beat is None:
            return
        try:
            self.heard(self._client.call(endpoints.workers.HEARTBEAT, beat))
        except PerdureError as error:
            self.failed(beat, error)

    def next_beat(self) -> Heartbeat | None:
        """Return what the worker holds now; None before the server knows the worker."""
        worker_id, runs = self._held()
        return None if worker_id is None else Heartbeat(worker_id=worker_id, runs=runs)

    def heard(self, answer: HeartbeatAnswer) -> None:
        """Take the server's answer."""
        if answer.lost:
            self._on_lost(answer.lost)

    def failed(self, beat: Heartbeat, error: PerdureError) -> None:
        """Take note that a beat had no answer, or that the server does not know the worker."""
        if isinstance(error, NotFound):
            self._on_unknown(beat.worker_id)
        else:
            log.debug("No heartbeat: %s", error)  # the session tells of a server that is gone

    def stop(self) -> None:
        """Beat no more."""
        self._stopped.set()
