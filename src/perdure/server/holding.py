"""Long polls: an answer that is held open until there is something to say."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from perdure.core.errors import ServerStopping
from perdure.server.request import ClientGone, Request

T = TypeVar("T")


class Holding:
    """The answers that one server holds open."""

    def __init__(self) -> None:
        """Begin with none."""
        self._is_closed = False
        self._ends: set[Callable[[Exception], None]] = set()

    def close(self) -> None:
        """End all, and whatever comes from now on: the server stops."""
        self._is_closed = True
        for end in list(self._ends):
            end(ServerStopping())

    async def hold(self, request: Request, waiting: Coroutine[Any, Any, T]) -> T:
        """Await what may take long; give it up when nobody wants the answer any more.

        Args:
            request: whose answer it is; its body has been read.
            waiting: what is awaited; canceled if it is given up.

        Raises:
            ClientGone: the client closed the connection.
            ServerStopping: the server stops; the client is told to ask again.
        """
        if self._is_closed:
            waiting.close()
            raise ServerStopping
        caller = asyncio.current_task()
        assert caller is not None
        reasons: list[Exception] = []

        def end(reason: Exception) -> None:
            if not reasons:
                reasons.append(reason)
                caller.cancel()

        # One task, and not one for each thing that may come first: polls are the hot path.
        watch = asyncio.create_task(_watch(request, end))
        self._ends.add(end)
        try:
            return await waiting
        except asyncio.CancelledError:
            if reasons and caller.uncancel() == 0:
                raise reasons[0] from None
            raise
        finally:
            self._ends.discard(end)
            watch.cancel()


async def _watch(request: Request, end: Callable[[Exception], None]) -> None:
    await request.gone()
    end(ClientGone())
