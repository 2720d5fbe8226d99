"""The client for asyncio."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

from perdure.client import calls
from perdure.client.aio import AsyncTransport
from perdure.client.asynchronous.auth import AsyncAuth
from perdure.client.asynchronous.batches import AsyncBatches
from perdure.client.asynchronous.dead_letters import AsyncDeadLetters
from perdure.client.asynchronous.keys import AsyncIdempotencyKeys
from perdure.client.asynchronous.logs import AsyncLogs
from perdure.client.asynchronous.queues import AsyncEnvironment, AsyncQueues
from perdure.client.asynchronous.runs import AsyncRuns
from perdure.client.asynchronous.schedules import AsyncSchedules
from perdure.client.asynchronous.streams import AsyncStreams
from perdure.client.asynchronous.tokens import AsyncTokens
from perdure.client.call import Call
from perdure.client.events import END, Event, Parser
from perdure.client.settings import find_access
from perdure.client.transport import (
    ConnectionFailed,
    Response,
    build,
    build_stream,
    next_delay,
    read,
    unreachable,
)
from perdure.wire.auth import EnvironmentIdentity
from perdure.wire.endpoint import Endpoint, In, Out
from perdure.wire.runs import Triggered
from perdure.wire.workers import Tasks, Workers


class AsyncClient:
    """Triggers tasks and looks after runs; may be shared between event loops and threads.

    Args:
        api_url: where the server is; else `PERDURE_API_URL`, else this machine, port 3030.
        secret_key: the environment's key; else `PERDURE_SECRET_KEY`, else the project's dev key.
        tries: how often a request is sent before a failure stands.

    Raises:
        NoSecretKey: there is no key in any of these places.
    """

    def __init__(self, api_url: str | None = None, secret_key: str | None = None, *, tries: int = 5) -> None:
        self.access = find_access(api_url, secret_key)
        self._transport = AsyncTransport(self.access.api_url)
        self._tries = tries
        self.runs = AsyncRuns(self)
        self.batches = AsyncBatches(self)
        self.dead_letters = AsyncDeadLetters(self)
        self.idempotency_keys = AsyncIdempotencyKeys(self)
        self.schedules = AsyncSchedules(self)
        self.queues = AsyncQueues(self)
        self.environment = AsyncEnvironment(self)
        self.logs = AsyncLogs(self)
        self.tokens = AsyncTokens(self)
        self.streams = AsyncStreams(self)
        self.auth = AsyncAuth(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close this event loop's connections; the client can still be used, and then opens new ones."""
        await self._transport.close()

    async def call(self, endpoint: Endpoint[In, Out], body: In | None = None, /, **path: str) -> Out:
        """Call an endpoint.

        Args:
            endpoint: one of `perdure.wire.endpoints`.
            body: what it takes; of a GET, the query.
            path: the values of the path's parameters.

        Raises:
            PerdureError: what the server answered with, as the class of `perdure.core.errors`.
            ServerUnreachable: no server answers.
        """
        return await self.send(Call(endpoint, body, path))

    async def send(self, call: Call[In, Out]) -> Out:
        """Make a call of `perdure.client.calls`; see `call`."""
        request = build(self.access, call.endpoint, call.body, call.path, call.headers)
        tried = 0
        while True:
            response: Response | None = None
            failure = ConnectionFailed()
            try:
                response = await self._transport.send(request)
            except ConnectionFailed as error:
                failure = error
            tried += 1
            delay = next_delay(tried, self._tries, response)
            if delay is None:
                break
            await asyncio.sleep(delay)
        if response is None:
            raise unreachable(self.access, failure)
        return read(self.access, call.endpoint, response)

    async def events(self, call: Call[Any, Any]) -> AsyncGenerator[Event]:
        """Make a call whose answer is events; go through them until the server says that there are no more.

        A connection that breaks is made again, and goes on after the last event that came.
        """
        parser, failed = Parser(), 0
        while True:
            wanted = build_stream(build(self.access, call.endpoint, call.body, call.path), parser.last_id)
            response: Response | None = None
            failure = ConnectionFailed("the answer ended early")
            try:
                async with aclosing(self._transport.stream(wanted)) as parts:
                    async for response in parts:
                        if response.status >= 400:
                            break
                        failed = 0
                        for event in parser.feed(response.body):
                            if event.name == END:
                                return
                            yield event
            except ConnectionFailed as error:
                failure = error
            parser.restart()
            failed += 1
            refused = response if response is not None and response.status >= 400 else None
            delay = next_delay(failed, self._tries, refused)
            if delay is None and refused is not None:
                read(self.access, call.endpoint, refused)
            if delay is None:
                raise unreachable(self.access, failure)
            await asyncio.sleep(delay)

    async def trigger(self, task: str, payload: Any = None, **options: Any) -> Triggered:
        """Trigger a task by its id.

        Args:
            task: the task's id.
            payload: any value that JSON can hold (dates, decimals and models are written for it).
            options: `delay`, `ttl`, `queue`, `tags`, `idempotency_key`, …: see `perdure.client.options`.

        Raises:
            BadOption: an option is unknown or has a value it can't have.
        """
        return await self.send(calls.runs.trigger(task, payload, options))

    async def tasks(self) -> Tasks:
        """List the tasks of the current version, and what did not import."""
        return await self.send(calls.environment.tasks())

    async def workers(self) -> Workers:
        """List the workers that are connected."""
        return await self.send(calls.environment.workers())

    async def whoami(self) -> EnvironmentIdentity:
        """Tell which environment the key belongs to."""
        return await self.send(calls.environment.whoami())
