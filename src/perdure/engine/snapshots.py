"""Stored states of runs, for people: where a run stands, and where it could begin again."""

import json
from collections.abc import Iterable, Sequence

from perdure.core.clock import to_datetime, to_datetime_or_none
from perdure.core.errors import BadOption, NotFound
from perdure.core.lifecycle import Status
from perdure.core.names import choices
from perdure.engine.drafts import Origin
from perdure.engine.reports import TOLD_IN_MEMORY
from perdure.engine.resources import Resources
from perdure.store import history, runs, waits
from perdure.store.database import Tx
from perdure.store.rows import Environment, Run
from perdure.store.waits import Awaited, Glance
from perdure.wire.runs import ReplayRun
from perdure.wire.waits import (
    Changes,
    FrameView,
    RestoreFrom,
    ShownWait,
    Snapshots,
    SnapshotView,
    WaitKind,
    frame_of,
)

LAST = "last"
"""Names the newest state of a run."""


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

    async def origin(self, environment: Environment, run: str, changes: ReplayRun) -> Origin:
        """Return the state that a replay begins at, as its `begin` says.

        Raises:
            NotFound: there is no such run in the environment, or no such state of it.
            BadOption: a local to change is not there.
        """
        return await self._resources.db.read(_origin, environment.id, run, changes)


async def _find(tx: Tx, environment: str, run: str) -> Run:
    row = await runs.find(tx, environment, run)
    if row is None:
        raise NotFound(kind="run", name=run)
    return row


async def _list(tx: Tx, environment: str, run: str) -> Snapshots:
    row = await _find(tx, environment, run)
    states, awaited = await waits.snapshots_of(tx, run), await waits.awaited_by(tx, run)
    is_waiting = row.status == Status.WAITING
    is_pinned = is_waiting and row.lease_until is not None
    return Snapshots(
        snapshots=[view_of(state, awaited) for state in states],
        waits=waits_of(awaited, waits.IN_MEMORY if is_pinned else row.snapshot or 0) if is_waiting else [],
        pinned=await _why_pinned(tx, row) if is_pinned else None,
    )


async def _why_pinned(tx: Tx, run: Run) -> str:
    """Return what keeps a run in memory, as its worker told."""
    return (await history.why_waiting(tx, run.id) or "").removeprefix(TOLD_IN_MEMORY)


def view_of(state: Glance, awaited: Iterable[Awaited]) -> SnapshotView:
    """Return a state as it is shown."""
    return SnapshotView(
        number=state.number,
        kind="checkpoint" if state.kind == waits.CHECKPOINT else "wait",
        key=state.key,
        data=json.loads(state.data) if state.data else None,
        attempt=state.attempt,
        created_at=to_datetime(state.created_at),
        size=state.size,
        waits=waits_of(awaited, state.number),
        frames=_frames(state),
    )


def _frames(state: Glance) -> list[FrameView]:
    return [FrameView.model_validate(frame) for frame in json.loads(state.frames)]


def waits_of(awaited: Iterable[Awaited], number: int) -> list[ShownWait]:
    """Return what the state of a number waits for."""
    return [
        ShownWait(
            kind=WaitKind(one.kind),
            subject=one.subject,
            until=to_datetime_or_none(one.until),
            task=one.task,
            status=Status(one.status) if one.status is not None else None,
        )
        for one in awaited
        if one.snapshot == number
    ]


async def _origin(tx: Tx, environment: str, run: str, changes: ReplayRun) -> Origin:
    row = await _find(tx, environment, run)
    begin = changes.begin
    assert begin is not None  # who calls has looked
    state, told = beginning(await waits.snapshots_of(tx, run), run, changes, begin)
    return Origin(run, state.number, row.kept_version, told)


def beginning(
    states: Sequence[Glance], run: str, changes: ReplayRun, begin: RestoreFrom
) -> tuple[Glance, str]:
    """Return the state that a replay begins at, of those that a run has, and what is changed there, as JSON.

    Raises:
        NotFound: there is no such state.
        BadOption: a local to change is not there.
    """
    state = _state(states, run, begin.snapshot)
    _check_locals(state, begin)
    told = Changes(locals=begin.locals, parameters="payload" in changes.model_fields_set)
    return state, told.to_json().decode()


def _state(states: Sequence[Glance], run: str, name: str) -> Glance:
    """Return the state of a name: the newest checkpoint of this key, or that of a number, or the last.

    Raises:
        NotFound: there is none; those that there are, and the nearest, are named.
    """
    if not states:
        raise NotFound(f"Run {run} has no stored state: it has not waited yet, nor come to a checkpoint")
    by_key = {state.key: state for state in reversed(states) if state.key is not None}
    by_number = {str(state.number): state for state in states}
    found = by_key.get(name) or by_number.get(name) or (states[0] if name == LAST else None)
    if found is None:
        there = [state.key or f"{state.number} (a wait)" for state in states]
        raise NotFound(f"Run {run} has no stored state {name}; {choices(name, there)}")
    return found


def _check_locals(state: Glance, begin: RestoreFrom) -> None:
    """Refuse a local that the state does not have.

    Raises:
        BadOption: there is none of this name; those that there are, and the nearest, are named.
    """
    frames = _frames(state)
    known = dict.fromkeys(name for frame in reversed(frames) for name in frame.locals)
    for name in begin.locals:
        if frame_of(frames, name) is None:
            place = state.key or f"state {state.number}"
            raise BadOption(f"There is no local {name} in {place}; {choices(name, known)}")
