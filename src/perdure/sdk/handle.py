"""What a trigger gives back: a hold on the run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from perdure import client, wire
from perdure.core.duration import Duration
from perdure.core.errors import RunFailed
from perdure.core.lifecycle import Status
from perdure.sdk.payload import Shape

R = TypeVar("R")

_TRIES = 5
_PATIENT_TRIES = 30
"""Four minutes, as the tries come after pauses of up to ten seconds."""


class RunHandle(Generic[R]):
    """A run that was triggered; R is what its task returns."""

    def __init__(self, id: str, *, task: str, is_cached: bool, shape: Shape, clients: Clients) -> None:
        self.id = id
        self.task = task
        #: whether an idempotency key already stood for this run, so that no new one was made
        self.is_cached = is_cached
        self._shape = shape
        self._clients = clients

    async def result(self, timeout: Duration | None = None) -> R:
        """Wait until the run has ended, and return what the task returned.

        Args:
            timeout: how long to wait; for ever by default.

        Raises:
            RunFailed: the run did not succeed.
            TimeoutError: it has not ended in time; it goes on.
        """
        return self._read(await self._clients.asynchronous.runs.result(self.id, timeout))

    def result_sync(self, timeout: Duration | None = None) -> R:
        """Wait as `result` does, blocking."""
        return self._read(self._clients.blocking.runs.result(self.id, timeout))

    def subscribe(self, *, skip: Sequence[str] = ()) -> AsyncIterator[wire.runs.Run]:
        """Go through the states of the run, from the present one to its last; see `runs.subscribe`."""
        return self._clients.asynchronous.runs.subscribe(self.id, skip=skip)

    def subscribe_sync(self, *, skip: Sequence[str] = ()) -> Iterator[wire.runs.Run]:
        """Go through the states of the run as `subscribe` does, blocking."""
        return self._clients.blocking.runs.subscribe(self.id, skip=skip)

    async def status(self) -> Status:
        """Return where the run is in its life."""
        return (await self._clients.asynchronous.runs.retrieve(self.id)).status

    def status_sync(self) -> Status:
        """Return the status as `status` does, blocking."""
        return self._clients.blocking.runs.retrieve(self.id).status

    async def cancel(self) -> None:
        """Cancel the run and its unfinished children."""
        await self._clients.asynchronous.runs.cancel(self.id)

    def cancel_sync(self) -> None:
        """Cancel the run as `cancel` does, blocking."""
        self._clients.blocking.runs.cancel(self.id)

    async def bump(self) -> None:
        """Put the run first in its queue; see `Client.runs.bump`."""
        await self._clients.asynchronous.runs.bump(self.id)

    def bump_sync(self) -> None:
        """Put the run first as `bump` does, blocking."""
        self._clients.blocking.runs.bump(self.id)

    async def why(self) -> wire.why.Why:
        """Tell why the run is not running; see `Client.runs.why`."""
        return await self._clients.asynchronous.runs.why(self.id)

    def why_sync(self) -> wire.why.Why:
        """Tell why as `why` does, blocking."""
        return self._clients.blocking.runs.why(self.id)

    async def replay(
        self,
        *,
        from_: str | int | None = None,
        locals: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> RunHandle[R]:
        """Trigger a new run like this one, with changes or at a stored state; see `Client.runs.replay`."""
        runs = self._clients.asynchronous.runs
        return self._like(await runs.replay(self.id, from_=from_, locals=locals, **changes))

    def replay_sync(
        self,
        *,
        from_: str | int | None = None,
        locals: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> RunHandle[R]:
        """Trigger a new run as `replay` does, blocking."""
        runs = self._clients.blocking.runs
        return self._like(runs.replay(self.id, from_=from_, locals=locals, **changes))

    async def snapshots(self) -> wire.waits.Snapshots:
        """Return the run's stored states: where it stands, its checkpoints, and what it waits for."""
        return await self._clients.asynchronous.runs.snapshots(self.id)

    def snapshots_sync(self) -> wire.waits.Snapshots:
        """Return the stored states as `snapshots` does, blocking."""
        return self._clients.blocking.runs.snapshots(self.id)

    def _like(self, run: str) -> RunHandle[R]:
        """Return a handle of another run of the same task."""
        return RunHandle(run, task=self.task, is_cached=False, shape=self._shape, clients=self._clients)

    def _read(self, result: wire.runs.RunResult) -> R:
        if result.ok:
            return self._shape.decode_output(result.output)
        raise run_failed(result.id, result.task_identifier, result.status, result.error)

    def __repr__(self) -> str:
        return f"<RunHandle {self.id} of {self.task}>"


def run_failed(run: str, task: str, status: Status | None, error: wire.values.RunError | None) -> RunFailed:
    """Return the error that tells of a run that did not succeed."""
    shown = wire.values.SerializedError.of(error) if error else None
    told = f"{shown.name}: {shown.message}" if shown and shown.name else "no error was recorded"
    return RunFailed(run=run, task=task, status=status.value if status else "gone", error=told, cause=error)


class Clients:
    """The clients that tasks trigger with; made when they are first needed."""

    def __init__(self) -> None:
        self._asynchronous: client.AsyncClient | None = None
        self._blocking: client.Client | None = None
        self._tries = _TRIES

    @property
    def asynchronous(self) -> client.AsyncClient:
        """The client for asyncio."""
        if self._asynchronous is None:
            self._asynchronous = client.AsyncClient(tries=self._tries)
        return self._asynchronous

    @property
    def blocking(self) -> client.Client:
        """The client for blocking code."""
        if self._blocking is None:
            self._blocking = client.Client(tries=self._tries)
        return self._blocking

    def use(
        self, asynchronous: client.AsyncClient | None, blocking: client.Client | None
    ) -> tuple[client.AsyncClient | None, client.Client | None]:
        """Trigger with these clients from now on; return those before.  None is one to be made anew."""
        before = self._asynchronous, self._blocking
        self._asynchronous, self._blocking = asynchronous, blocking
        return before

    def configure(self, api_url: str | None = None, secret_key: str | None = None) -> None:
        """Say where the server is, in place of the environment variables.

        Raises:
            NoSecretKey: there is no key, here or in the environment.
        """
        self.use(
            client.AsyncClient(api_url, secret_key, tries=self._tries),
            client.Client(api_url, secret_key, tries=self._tries),
        )

    def be_patient(self) -> None:
        """Wait some minutes for a server that is away: what a run was about to do is done when it is back."""
        self._tries = _PATIENT_TRIES
        configured = self._asynchronous or self._blocking
        if configured is not None:
            self.configure(configured.access.api_url, configured.access.secret_key)


clients = Clients()
configure = clients.configure
