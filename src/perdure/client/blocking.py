"""The client for blocking code: Django, Flask, scripts, notebooks."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from perdure import client
from perdure.client import calls
from perdure.client.calls import Call
from perdure.client.idempotency import Scope
from perdure.client.pages import next_filters
from perdure.client.results import LONGEST_WAIT, Deadline
from perdure.client.settings import find_access
from perdure.client.sockets import BlockingTransport
from perdure.client.transport import ConnectionFailed, Response, build, next_delay, read, unreachable
from perdure.core.duration import Duration
from perdure.core.errors import NotFound
from perdure.wire import runs as wire
from perdure.wire import waits as wire_waits
from perdure.wire.auth import EnvironmentIdentity
from perdure.wire.endpoint import Endpoint, In, Out
from perdure.wire.workers import Tasks, Workers


class Client:
    """Triggers tasks and looks after runs, from blocking code; may be shared between threads.

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
        self.idempotency_keys = IdempotencyKeys(self)
        self.tokens = Tokens(self)
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
        request = build(self.access, call.endpoint, call.body, call.path)
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

    def trigger(self, task: str, payload: Any = None, **options: Any) -> wire.Triggered:
        """Trigger a task by its id.

        Args:
            task: the task's id.
            payload: any value that JSON can hold (dates, decimals and models are written for it).
            options: `delay`, `ttl`, `queue`, `tags`, `idempotency_key`, …: see `perdure.client.options`.

        Raises:
            BadOption: an option is unknown or has a value it can't have.
        """
        return self.send(calls.trigger(task, payload, options))

    def tasks(self) -> Tasks:
        """List the tasks of the current version, and what did not import."""
        return self.send(calls.tasks())

    def workers(self) -> Workers:
        """List the workers that are connected."""
        return self.send(calls.list_workers())

    def whoami(self) -> EnvironmentIdentity:
        """Tell which environment the key belongs to."""
        return self.send(calls.whoami())


class Runs:
    """What can be asked of runs, and done to them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def retrieve(self, run: str) -> wire.Run:
        """Get a run in full.

        Raises:
            NotFound: there is no such run in this environment.
        """
        return self._client.send(calls.retrieve(run))

    def page(self, **filters: Any) -> wire.RunPage:
        """Get one page of runs, newest first.

        Args:
            filters: `status`, `task`, `tag`, `created_from`, … (a value or a list), `size`, `after`.
        """
        return self._client.send(calls.list_runs(filters))

    def list(self, **filters: Any) -> Iterator[wire.ListedRun]:
        """Go through runs, newest first, fetching pages as they are needed; see `page`."""
        more: dict[str, Any] | None = filters
        while more is not None:
            page = self.page(**more)
            yield from page.data
            more = next_filters(more, page)

    def cancel(self, run: str) -> str:
        """Cancel a run and its unfinished children; return its id.  One that has ended stays as it is."""
        return self._client.send(calls.cancel(run)).id

    def replay(self, run: str, **changes: Any) -> str:
        """Trigger a new run like this one; return its id.

        Args:
            run: the run to replay.
            changes: `payload` and the options of a trigger that are to differ.
        """
        return self._client.send(calls.replay(run, changes)).id

    def reschedule(self, run: str, delay: Duration | datetime) -> wire.Run:
        """Change when a delayed run starts.

        Raises:
            Unprocessable: the run is not delayed any more.
        """
        return self._client.send(calls.reschedule(run, delay))

    def result(self, run: str, timeout: Duration | None = None) -> wire.RunResult:
        """Wait until a run has ended, and return how.

        Args:
            run: the run.
            timeout: how long to wait; for ever by default.

        Raises:
            TimeoutError: it has not ended in time.
            NotFound: there is no such run in this environment.
        """
        deadline = Deadline(run, timeout)
        known = False
        while True:
            try:
                return self._client.send(calls.result(run, deadline.next_wait()))
            except NotFound:
                # The endpoint says so of unfinished runs as well.
                known = known or bool(self.retrieve(run))
                deadline.check()

    def poll(self, run: str, timeout: Duration | None = None) -> wire.Run:
        """Wait until a run has ended, as `result` does, and get it in full."""
        self.result(run, timeout)
        return self.retrieve(run)

    def events(self, run: str, *, follow: bool = False) -> Iterator[wire.Event]:
        """Go through what happened in a run, its log lines included.

        Args:
            run: the run.
            follow: wait for what is still to happen, until the run has ended.
        """
        after, done = 0, False
        while not done:
            found = self._client.send(calls.events(run, after, LONGEST_WAIT if follow else 0))
            yield from found.events
            after = found.events[-1].sequence if found.events else after
            done = found.done or not (follow or found.events)

    def add_tags(self, run: str, *tags: str) -> None:
        """Add tags to a run; ten in all at most."""
        self._client.send(calls.add_tags(run, [*tags]))

    def metadata(self, run: str) -> dict[str, Any]:
        """Get a run's metadata."""
        return self._client.send(calls.get_metadata(run)).metadata

    def update_metadata(self, run: str, change: wire.UpdateMetadata) -> dict[str, Any]:
        """Change a run's metadata, its parent's or its root's; return the run's own."""
        return self._client.send(calls.update_metadata(run, change)).metadata


class Tokens:
    """Tokens that runs wait for until somebody answers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, **options: Any) -> wire_waits.CreatedToken:
        """Make a token.

        Args:
            options: `timeout` (a duration or moment; 10 minutes by default), `tags`, `idempotency_key`,
                `idempotency_key_ttl`.
        """
        return self._client.send(calls.create_token(options))

    def retrieve(self, token: str) -> wire_waits.Token:
        """Get a token.

        Raises:
            NotFound: there is none of this id.
        """
        return self._client.send(calls.retrieve_token(token))

    def list(self, **filters: Any) -> Iterator[wire_waits.Token]:
        """Go through tokens, newest first.

        Args:
            filters: `status`, `tags`, `idempotency_key`, `created_from`, `created_to`, `period`, `size`.
        """
        more: dict[str, Any] | None = filters
        while more is not None:
            page = self._client.send(calls.list_tokens(more))
            yield from page.data
            more = next_filters(more, page)

    def complete(self, token: str, data: Any = None) -> None:
        """Complete a token; of several answers the first counts.

        Raises:
            NotFound: there is none of this id.
        """
        self._client.send(calls.complete_token(token, data))


class IdempotencyKeys:
    """The keys under which a second trigger gives the first one's run."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def reset(
        self,
        task: str,
        key: str,
        *,
        scope: Scope = "global",
        run: str | None = None,
        attempt: int | None = None,
    ) -> None:
        """Forget a key, so that its next trigger makes a new run.

        Args:
            task: the task that was triggered.
            key: the key as it was given.
            scope: the scope it was made with.
            run: of scope `run` or `attempt`: the run that triggered.
            attempt: of scope `attempt`: the number of its attempt.

        Raises:
            NotFound: no run has this key.
        """
        self._client.send(calls.reset_key(task, key, scope, run, attempt))


class Auth:
    """Tokens for browsers and other places that must not have the secret key."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create_public_token(
        self, scopes: Sequence[str], *, lifetime: Duration = "15m", one_time: bool = False
    ) -> str:
        """Return a token that allows what its scopes say, and nothing else.

        Args:
            scopes: such as `read:runs:run_…`, `read:tags:user-1`, `trigger:tasks:send-email`.
            lifetime: how long it is valid.
            one_time: it can be used for one trigger only.
        """
        claims = self._client.send(calls.claims())
        return client.tokens.sign(claims, self._client.access.secret_key, scopes, lifetime, one_time=one_time)
