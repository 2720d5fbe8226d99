"""Long polls: an answer that is held open until there is something to say."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from perdure.core.errors import ServerStopping
from perdure.server.request import ClientGone, Request

T = TypeVar("T")


async def hold(request: Request, closing: asyncio.Event, waiting: Coroutine[Any, Any, T]) -> T:
    """Await what may take long; give it up when nobody wants the answer any more.

    Args:
        request: whose answer it is; its body has been read.
        closing: set when the server stops.
        waiting: what is awaited; canceled if it is given up.

    Raises:
        ClientGone: the client closed the connection.
        ServerStopping: the server stops; the client is told to ask again.
    """
    work = asyncio.ensure_future(waiting)
    gone = asyncio.ensure_future(request.gone())
    stop = asyncio.ensure_future(closing.wait())
    try:
        await asyncio.wait({work, gone, stop}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        raise ClientGone if gone.done() else ServerStopping()
    finally:
        for task in (work, gone, stop):
            task.cancel()
        await asyncio.gather(work, gone, stop, return_exceptions=True)
