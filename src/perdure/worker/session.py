"""The worker's standing with the server: connected once, and again when the server is back."""

import asyncio
import logging
import random
from collections.abc import Callable

from perdure.client import AsyncClient
from perdure.core.errors import NotFound, PerdureError, TooManyRequests
from perdure.wire import endpoints
from perdure.wire.endpoint import Endpoint, In, Out
from perdure.wire.workers import Connected, ConnectWorker

log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.1


class Session:
    """Calls the server as a worker it knows, however often either of them is restarted.

    A server that can't be reached is asked again, ever more slowly; a server that does not know the
    worker any more is connected to again.  A wrong key is final, and raises.
    """

    def __init__(self, client: AsyncClient, hello: ConnectWorker, max_pause: float) -> None:
        """Speak for a worker.

        Args:
            client: carries the calls.
            hello: what the worker is connected with.
            max_pause: the longest wait between two tries, in seconds.
        """
        self._client = client
        self._hello = hello
        self._max_pause = max_pause
        self._connecting = asyncio.Lock()
        self._connected: Connected | None = None

    @property
    def worker_id(self) -> str | None:
        """What the server knows the worker as; None before it does."""
        return self._connected.worker_id if self._connected else None

    async def connect(self) -> Connected:
        """Connect, unless that is done.

        Raises:
            Unauthorized: the key is wrong.
        """
        async with self._connecting:
            if self._connected is None:
                self._connected = await self._insist(endpoints.workers.CONNECT, self._hello)
            return self._connected

    def forget(self, worker_id: str) -> None:
        """Note that the server does not know the worker by this id any more."""
        if self._connected is not None and self._connected.worker_id == worker_id:
            log.warning("The server does not know this worker any more; connecting again.")
            self._connected = None

    async def call(self, endpoint: Endpoint[In, Out], body: Callable[[str], In]) -> Out:
        """Call an endpoint until it answers.

        Args:
            endpoint: one of those for workers.
            body: makes the request from the worker's id, which changes when it connects again.

        Raises:
            Unauthorized: the key is wrong.
            PerdureError: the server refuses the request.
        """
        while True:
            worker_id = (await self.connect()).worker_id
            try:
                return await self._insist(endpoint, body(worker_id))
            except NotFound:
                self.forget(worker_id)

    async def _insist(self, endpoint: Endpoint[In, Out], body: In) -> Out:
        """Call an endpoint until the server can be reached."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._client.call(endpoint, body)
            except PerdureError as error:
                if not _may_pass(error):
                    raise
                if pause == _FIRST_PAUSE:
                    log.warning("%s: %s (trying again until it answers)", endpoint.name, error)
            await asyncio.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, self._max_pause)


def _may_pass(error: PerdureError) -> bool:
    """Tell whether the same request may succeed later: the server is away, in trouble, or too busy."""
    return error.status >= 500 or isinstance(error, TooManyRequests)
