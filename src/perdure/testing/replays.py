"""Stored states of runs, and runs that begin at one, in memory."""

import json
from dataclasses import replace

from perdure.core.lifecycle import Status
from perdure.engine.replays import command_like
from perdure.engine.snapshots import beginning, view_of, waits_of
from perdure.store import waits
from perdure.store.packets import METADATA, SEED
from perdure.store.views import RunView
from perdure.store.waits import Awaited, Glance, Snapshot
from perdure.testing.lives import Life
from perdure.testing.world import World
from perdure.wire.runs import ReplayRun
from perdure.wire.waits import Snapshots


def replay(world: World, view: RunView, changes: ReplayRun) -> str:
    """Trigger a run like another, from the top or from one of its states; return its id.

    Raises:
        NotFound: there is no such state.
        BadOption: a change can't be what it is, or there is no such local.
    """
    life = world.get(view.run.id)
    seed = view.packets.get(SEED) or view.packets.get(METADATA)
    command = command_like(view, json.loads(seed.data) if seed else None, changes)
    state = None
    if changes.begin is not None:
        chosen, told = beginning(_glances(life), life.id, changes, changes.begin)
        state = replace(next(one for one in life.states if one.number == chosen.number), changes=told)
    return world.trigger(life.row.task, command, replay_of=life.id, state=state).id


def snapshots(world: World, life: Life) -> Snapshots:
    """Return the states of a run, newest first, as the API shows them."""
    awaited = [_awaited(world, waiting) for waiting in life.waiting]
    is_waiting = life.status is Status.WAITING
    pinned = next((one for one in reversed(life.waits) if one.ended_at is None and not one.is_parked), None)
    number = waits.IN_MEMORY if pinned else life.row.snapshot or 0
    return Snapshots(
        snapshots=[view_of(state, awaited) for state in _glances(life)],
        waits=waits_of(awaited, number) if is_waiting else [],
        pinned=pinned.reason if is_waiting and pinned else None,
    )


def _glances(life: Life) -> list[Glance]:
    return [_glance(state) for state in reversed(life.states)]


def _glance(state: Snapshot) -> Glance:
    return Glance(
        number=state.number,
        kind=state.kind,
        key=state.key,
        data=state.data,
        attempt=state.attempt,
        size=len(state.stored),
        frames=state.frames,
        created_at=state.created_at,
    )


def _awaited(world: World, waiting: waits.Waiting) -> Awaited:
    run = world.lives.get(waiting.subject)
    task, status = (run.row.task, run.row.status) if run is not None else (None, None)
    return Awaited(waiting.snapshot, waiting.kind, waiting.subject, waiting.due_at, task, status)
