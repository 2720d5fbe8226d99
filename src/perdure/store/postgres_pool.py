"""A few connections, shared by many transactions.

Smaller than the driver's own pool, and half its cost per transaction: we change nothing in a session, so
there is nothing to reset, and a connection goes from hand to hand without a task or a proxy in between.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


class Pool:
    """Opens connections when they are needed, up to a limit, and keeps them."""

    def __init__(self, connect: Callable[[], Awaitable[Any]], limit: int) -> None:
        """Begin with no connection.

        Args:
            connect: opens an `asyncpg` connection.
            limit: how many may be open; who needs one more waits its turn.
        """
        self._connect = connect
        self._limit = limit
        self._slots = asyncio.Semaphore(limit)
        self._idle: list[Any] = []

    async def acquire(self) -> Any:
        """Return a connection nobody else uses; give it back with `release`."""
        await self._slots.acquire()
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
            return await self._connect()
        except BaseException:
            self._slots.release()
            raise

    def release(self, connection: Any) -> None:
        """Take back a connection; one that is broken or still in a transaction is dropped."""
        if connection.is_in_transaction():
            connection.terminate()
        if not connection.is_closed():
            self._idle.append(connection)
        self._slots.release()

    async def close(self) -> None:
        """Wait for all connections to come back, then close them."""
        for _ in range(self._limit):
            await self._slots.acquire()
        for connection in self._idle:
            await connection.close()
        self._idle.clear()
