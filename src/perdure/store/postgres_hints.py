"""Hints between the processes on one PostgreSQL database.

Hints go out by `NOTIFY` after the commit, on a connection of their own: inside
the transaction it would make all commits queue behind each other.  What gathers
while one `NOTIFY` is under way goes into the next.  The payload is who sent it
and which channels it is about, because `NOTIFY` also comes back to its sender.

If the connection drops, a new one is made, and everybody is woken, since hints
may have been lost.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from perdure.store.hints import QUIET, WANTED, WANTED_S, Hints
from perdure.store.postgres_tx import DRIVER_ERRORS, reason_of

log = logging.getLogger("perdure.store")

RECONNECT_S = 1.0
"""The pause before a new connection is tried."""

CLOSE_S = 2.0
"""How long to try to send the last hints."""

LONGEST = 7900
"""PostgreSQL takes payloads below 8,000 bytes."""

EVERYTHING = "*"
"""Stands for all channels, when their names do not fit."""


class Notifier:
    """Sends this process's hints to the others, and theirs to this one."""

    def __init__(self, connect: Callable[[], Awaitable[Any]], *, channel: str) -> None:
        """Carry hints over connections made by `connect`; call from the event loop.

        Args:
            connect: opens an `asyncpg` connection.
            channel: the channel to listen to, the same in all processes.
        """
        self.hints = Hints(forward=self._send_soon)
        self._connect = connect
        self._channel = channel
        self._sender = secrets.token_hex(8)
        self._outgoing: set[str] = set()
        self._wanted_until = 0.0
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen from now on, and keep listening."""
        connection = await self._listen()
        self._task = asyncio.create_task(self._keep(connection), name="perdure-notifier")

    async def close(self) -> None:
        """Send what is left, then stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=CLOSE_S)
            self._task.cancel()

    def _send_soon(self, channels: frozenset[str]) -> None:
        if time.monotonic() >= self._wanted_until:  # nobody elsewhere wants the quiet ones
            channels = frozenset(channel for channel in channels if not channel.startswith(QUIET))
        if channels:
            self._outgoing |= channels
            self._wake.set()

    async def _listen(self) -> Any:
        connection = await self._connect()
        connection.add_termination_listener(lambda _: self._wake.set())
        await connection.add_listener(self._channel, self._received)
        return connection

    def _received(self, connection: Any, process: int, channel: str, payload: object) -> None:
        sender, *channels = str(payload).split(" ")
        if sender == self._sender:
            return
        if WANTED in channels:
            self._wanted_until = time.monotonic() + WANTED_S
        if channels == [EVERYTHING]:
            self.hints.deliver_all()
        else:
            self.hints.deliver(frozenset(channels))

    async def _keep(self, connection: Any) -> None:
        try:
            while True:
                try:
                    await self._send_while_connected(connection)
                except DRIVER_ERRORS as error:
                    log.warning("hints between processes are lost (%s); reconnecting", reason_of(error))
                if self._closing:
                    return
                connection.terminate()
                connection = await self._reconnect()
                self.hints.deliver_all()
        finally:
            connection.terminate()

    async def _reconnect(self) -> Any:
        while True:
            try:
                return await self._listen()
            except DRIVER_ERRORS:
                await asyncio.sleep(RECONNECT_S)

    async def _send_while_connected(self, connection: Any) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if connection.is_closed():
                return
            channels, self._outgoing = self._outgoing, set()
            if channels:
                await connection.execute("select pg_notify($1, $2)", self._channel, self._payload(channels))
            if self._closing:
                await connection.close(timeout=CLOSE_S)
                return

    def _payload(self, channels: set[str]) -> str:
        payload = " ".join([self._sender, *sorted(channels)])
        return payload if len(payload.encode()) < LONGEST else f"{self._sender} {EVERYTHING}"
