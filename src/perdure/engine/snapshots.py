"""Stored states of runs, for people: where a run stands, and where it could begin again."""

import json

from perdure.core.clock import to_datetime
from perdure.core.errors import NotFound
from perdure.core.lifecycle import Status
from perdure.engine.drafts import Origin
from perdure.engine.resources import Resources
from perdure.store import runs, waits
from perdure.store.database import Tx
from perdure.store.rows import Environment
from perdure.store.waits import Waiting
from perdure.wire.waits import FrameView, RestoreFrom, Snapshots, SnapshotView, Wait, WaitKind


class SnapshotsOfRuns:
    """Shows stored states, and finds the one to begin at."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def list(self, environment: Environment, run: str) -> Snapshots:
        """Return the states of a run, newest first.

        Raises:
            NotFound: there is no such run in the environment.
        """
        return await self._resources.db.read(_list, environment.id, run)

    async def origin(self, environment: Environment, run: str, begin: RestoreFrom) -> Origin:
        """Return the state that a replay begins at.

        Raises:
            NotFound: there is no such run in the environment, or no such state of it.
        """
        return await self._resources.db.read(_origin, environment.id, run, begin)


async def _list(tx: Tx, environment: str, run: str) -> Snapshots:
    row = await runs.find(tx, environment, run)
    if row is None:
        raise NotFound(kind="run", name=run)
    states, waiting = await waits.snapshots_of(tx, run)
    is_pinned = row.status == Status.WAITING and row.lease_until is not None
    return Snapshots(
        snapshots=[
            SnapshotView(
                number=state.number,
                kind="checkpoint" if state.kind == waits.CHECKPOINT else "wait",
                key=state.key,
                data=json.loads(state.data) if state.data else None,
                attempt=state.attempt,
                created_at=to_datetime(state.created_at),
                size=state.size,
                waits=[_wait(wait) for wait in waiting if wait.snapshot == state.number],
                frames=[FrameView.model_validate(frame) for frame in json.loads(state.frames)],
            )
            for state in states
        ],
        pinned="the run waits in the memory of its worker; its log says why" if is_pinned else None,
    )


async def _origin(tx: Tx, environment: str, run: str, begin: RestoreFrom) -> Origin:
    if await runs.find(tx, environment, run) is None:
        raise NotFound(kind="run", name=run)
    number = await waits.number_of(tx, run, begin.snapshot)
    if number is None:
        raise NotFound(kind=f"checkpoint or stored state of run {run}:", name=begin.snapshot)
    return Origin(run, number, json.dumps(begin.locals) if begin.locals else None)


def _wait(wait: Waiting) -> Wait:
    until = to_datetime(wait.due_at) if wait.due_at is not None else None
    return Wait(kind=WaitKind(wait.kind), subject=wait.subject, until=until)
