"""Triggers that come in bursts: a debounce key makes one delayed run of them.

The first trigger makes a run that starts after the delay; each that comes before then pushes the start, up
to `max_delay` after the first.  In *leading* mode the run keeps what the first trigger gave; in *trailing*
mode it is given what the last one said: payload, metadata, tags, machine, max_attempts and max_duration.
Keys belong to a task.  An idempotency key comes before: what it stands for is neither pushed nor changed.

Triggers of one key take turns on its row, which they lock before the run that it stands for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from perdure.core.lifecycle import On, Status
from perdure.engine import options
from perdure.engine.alarms import set_alarms
from perdure.engine.drafts import Draft
from perdure.engine.moves import Move, Step, apply
from perdure.store import debounces, history, packets, runs, timers
from perdure.store.database import Tx
from perdure.store.debounces import Holder, Name
from perdure.store.packets import METADATA, PAYLOAD
from perdure.store.rows import Packet, Run
from perdure.store.timers import Timer
from perdure.wire.values import JSON

KEEP_MS = 86_400_000
"""How long a key is kept after its run was due."""

_REPLACED = ("machine", "max_attempts", "max_duration")
"""The options that the last trigger decides in trailing mode, if it says anything of them."""


@dataclass(slots=True)
class _Burst:
    """The triggers of one key, and the run that they become."""

    first_at: int
    due_at: int = 0
    #: the run that is there already
    run: Run | None = None
    #: or the one that is to be made
    draft: Draft | None = None
    #: the last trigger in trailing mode
    last: Draft | None = None
    #: ids of the drafts that become no run of their own
    joined: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.run.id if self.run else self.draft.id if self.draft else ""


async def settle(tx: Tx, drafts: Sequence[Draft], now: int) -> tuple[list[Draft], dict[str, str]]:
    """Debounce drafts that are about to be stored.

    Returns:
        Those that are to be stored, with what later ones say of them; and for each other, by its id, the
        run that stands for it.
    """
    named: dict[Name, list[Draft]] = {}
    for one in drafts:
        if one.debounce is not None:
            named.setdefault(_name(one), []).append(one)
    if not named:
        return list(drafts), {}
    bursts = await _bursts(tx, named, now)
    for name, ones in named.items():
        for one in ones:
            _join(bursts[name], one, now)
    await _write(tx, bursts, now)
    joined = {one: burst.id for burst in bursts.values() for one in burst.joined}
    made = {burst.draft.id: _merged(burst) for burst in bursts.values() if burst.draft}
    return [made.get(one.id, one) for one in drafts if one.id not in joined], joined


def _name(one: Draft) -> Name:
    assert one.debounce is not None
    return one.new.environment.id, one.new.task, one.debounce.key


async def _bursts(tx: Tx, named: dict[Name, list[Draft]], now: int) -> dict[Name, _Burst]:
    """Lock the keys, and the runs that they stand for, if these have not begun."""
    fresh = {name: Holder(ones[0].id, now, now + KEEP_MS) for name, ones in named.items()}
    holders = await debounces.lock(tx, fresh)
    others = sorted(holder.run for name, holder in holders.items() if holder.run != fresh[name].run)
    # A run that has begun is never locked from here: whoever has it may wait for what this transaction has.
    delayed = [run.id for run in await runs.of_ids(tx, others) if _is_delayed(run)] if others else []
    locked = await runs.lock(tx, delayed) if delayed else {}
    bursts: dict[Name, _Burst] = {}
    for name, holder in holders.items():
        run = locked.get(holder.run)
        if run is not None and _is_delayed(run):
            bursts[name] = _Burst(holder.first_at, run.due_at or now, run)
        else:
            bursts[name] = _Burst(now)
    return bursts


def _is_delayed(run: Run) -> bool:
    return run.status == Status.DELAYED


def _join(burst: _Burst, one: Draft, now: int) -> None:
    """Let a trigger make the run, or push the one that there is."""
    rule = one.debounce
    assert rule is not None
    due_at = now + rule.delay_ms
    if burst.run is None and burst.draft is None:
        burst.draft, burst.due_at = one, due_at
        return
    if rule.max_delay_ms is not None:
        due_at = min(due_at, burst.first_at + rule.max_delay_ms)
    burst.due_at = max(burst.due_at, due_at)
    burst.joined.append(one.id)
    if rule.is_trailing:
        burst.last = one


def _merged(burst: _Burst) -> Draft:
    """Return the run to be made, with what the last trigger says of it."""
    first, last = burst.draft, burst.last
    assert first is not None
    if last is None:
        return replace(first, delayed_until=burst.due_at)
    chosen = last.new.command.options
    said = {name: value for name in _REPLACED if (value := getattr(chosen, name)) is not None}
    changed = first.new.command.options.model_copy(update=said)
    command = first.new.command.model_copy(update={"options": changed})
    given = {packet.kind: packet for packet in [*first.packets, *_packets(last, first.id)]}
    return replace(
        first,
        new=replace(first.new, command=command),
        packets=list(given.values()),
        tags=last.tags or first.tags,
        delayed_until=burst.due_at,
    )


def _packets(last: Draft, run: str) -> list[Packet]:
    """Return the payload of the last trigger, and its metadata if it has any, for another run."""
    given = {packet.kind: replace(packet, run=run) for packet in last.packets}
    payload = given.get(PAYLOAD) or Packet(run, PAYLOAD, JSON, options.to_text(None))
    return [payload, *([given[METADATA]] if METADATA in given else [])]


async def _write(tx: Tx, bursts: dict[Name, _Burst], now: int) -> None:
    await debounces.write(
        tx,
        {name: Holder(burst.id, burst.first_at, burst.due_at + KEEP_MS) for name, burst in bursts.items()},
    )
    there = [burst for burst in bursts.values() if burst.run is not None]
    if there:
        await _push(tx, there, now)
        await _replace(tx, [burst for burst in there if burst.last is not None])


async def _push(tx: Tx, bursts: Sequence[_Burst], now: int) -> None:
    moves = []
    for burst in bursts:
        assert burst.run is not None
        changes: dict[str, object] = {"delayed_until": burst.due_at, "due_at": burst.due_at}
        if burst.last is not None and burst.last.new.command.options.machine is not None:
            changes["machine"] = burst.last.new.command.options.machine
        is_later = burst.due_at != burst.run.due_at
        moves.append(Move(burst.run, [Step(On.RESCHEDULE)] if is_later else (), changes))
    await apply(tx, moves, now=now)
    await set_alarms(tx, [Timer(burst.due_at, timers.DELAY, burst.id) for burst in bursts], now)


async def _replace(tx: Tx, bursts: Sequence[_Burst]) -> None:
    """Give runs that are there what the last trigger says."""
    if not bursts:
        return
    rows: list[dict[str, object]] = []
    given: list[Packet] = []
    tags: dict[str, list[str]] = {}
    for burst in bursts:
        run, last = burst.run, burst.last
        assert run is not None
        assert last is not None
        chosen = last.new.command.options
        limit = run.max_duration_ms if chosen.max_duration is None else chosen.max_duration * 1000
        rows.append(
            {
                "id": run.id,
                "max_attempts": chosen.max_attempts or run.max_attempts,
                "max_duration_ms": limit,
            }
        )
        given += _packets(last, run.id)
        if last.tags:
            tags[run.id] = last.tags
    await debounces.update_runs(tx, rows)
    await packets.put(tx, given)
    if tags:
        environments = {burst.id: burst.run.environment for burst in bursts if burst.run}
        await history.replace_tags(tx, environments, tags)
