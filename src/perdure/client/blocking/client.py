# Written by ./dev gen from perdure/client/asynchronous; edit that.

"""The client for blocking code."""

import time
from collections.abc import Generator
from contextlib import closing
from types import TracebackType
from typing import Any, Self

from perdure.client import calls
from perdure.client.blocking.auth import Auth
from perdure.client.blocking.batches import Batches
from perdure.client.blocking.dead_letters import DeadLetters
from perdure.client.blocking.keys import IdempotencyKeys
from perdure.client.blocking.logs import Logs
from perdure.client.blocking.queues import Environment, Queues
from perdure.client.blocking.runs import Runs
from perdure.client.blocking.schedules import Schedules
from perdure.client.blocking.streams import Streams
from perdure.client.blocking.tokens import Tokens
from perdure.client.call import Call
from perdure.client.events import END, Event, Parser
from perdure.client.settings import find_access
from perdure.client.sockets import BlockingTransport
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


class Client:
    """Triggers tasks and looks after runs; may be shared between threads.

    Args:
        api_url: where the server is; else `PERDURE_API_URL`, else this machine, port 3030.
        secret_key: the environment's key; else `PERDURE_SECRET_KEY`, else the project's dev key.
        tries: how often a request is sent before a failure stands.

    Raises:
        NoSecretKey: there is no key in any of these places.
    """

    def __init__(self, api_url: str | None = None, secret_key: str | None = None, *, tries: int = 5) -> None:
        self.access = find_access(api_url, secret_key)
        self._transport = BlockingTransport(self.access.api_url)
        self._tries = tries
        self.runs = Runs(self)
        self.batches = Batches(self)
        self.dead_letters = DeadLetters(self)
        self.idempotency_keys = IdempotencyKeys(self)
        self.schedules = Schedules(self)
        self.queues = Queues(self)
        self.environment = Environment(self)
        self.logs = Logs(self)
        self.tokens = Tokens(self)
        self.streams = Streams(self)
        self.auth = Auth(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are not in use; a client that is used again opens new ones."""
        self._transport.close()

    def call(self, endpoint: Endpoint[In, Out], body: In | None = None, /, **path: str) -> Out:
        """Call an endpoint.

        Args:
            endpoint: one of `perdure.wire.endpoints`.
            body: what it takes; of a GET, the query.
            path: the values of the path's parameters.

        Raises:
            PerdureError: what the server answered with, as the class of `perdure.core.errors`.
            ServerUnreachable: no server answers.
        """
        return self.send(Call(endpoint, body, path))

    def send(self, call: Call[In, Out]) -> Out:
        """Make a call of `perdure.client.calls`; see `call`."""
        request = build(self.access, call.endpoint, call.body, call.path, call.headers)
        tried = 0
        while True:
            response: Response | None = None
            failure = ConnectionFailed()
            try:
                response = self._transport.send(request)
            except ConnectionFailed as error:
                failure = error
            tried += 1
            delay = next_delay(tried, self._tries, response)
            if delay is None:
                break
            time.sleep(delay)
        if response is None:
            raise unreachable(self.access, failure)
        return read(self.access, call.endpoint, response)

    def events(self, call: Call[Any, Any]) -> Generator[Event]:
        """Make a call whose answer is events; go through them until the server says that there are no more.

        A connection that breaks is made again, and goes on after the last event that came.
        """
        parser, failed = Parser(), 0
        while True:
            wanted = build_stream(build(self.access, call.endpoint, call.body, call.path), parser.last_id)
            response: Response | None = None
            failure = ConnectionFailed("the answer ended early")
            try:
                with closing(self._transport.stream(wanted)) as parts:
                    for response in parts:
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
            time.sleep(delay)

    def trigger(self, task: str, payload: Any = None, **options: Any) -> Triggered:
        """Trigger a task by its id.

        Args:
            task: the task's id.
            payload: any value that JSON can hold (dates, decimals and models are written for it).
            options: `delay`, `ttl`, `queue`, `tags`, `idempotency_key`, …: see `perdure.client.options`.

        Raises:
            BadOption: an option is unknown or has a value it can't have.
        """
        return self.send(calls.runs.trigger(task, payload, options))

    def tasks(self) -> Tasks:
        """List the tasks of the current version, and what did not import."""
        return self.send(calls.environment.tasks())

    def workers(self) -> Workers:
        """List the workers that are connected."""
        return self.send(calls.environment.workers())

    def whoami(self) -> EnvironmentIdentity:
        """Tell which environment the key belongs to."""
        return self.send(calls.environment.whoami())
