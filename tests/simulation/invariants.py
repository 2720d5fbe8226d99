"""What holds after every commit, and what holds at the end.

`Invariants.look` is shown the database after each commit that changed something.  A rule is a function that
is given what was seen and yields a sentence for each thing that is wrong.  To add one, write it and put it
into `ALWAYS` or `AT_THE_END`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from perdure.core.lifecycle import FAILURES, FINAL, LEASED, Status
from perdure.store import counts
from perdure.store.database import Tx
from perdure.store.rows import Run
from perdure.wire.workers import Parked, Succeeded
from tests.simulation.scenario import Promises

LIMITS = {"narrow": 1}
"""How many runs of one concurrency key may run at once, by queue."""


class Violation(Exception):
    """An invariant does not hold."""


@dataclass
class Seen:
    """The database at a moment."""

    runs: dict[str, Run]
    outputs: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    ticks: list[tuple[str, str]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    """Sentences about what nothing will wake."""
    miscounted: list[str] = field(default_factory=list)


@dataclass
class Known:
    """What is remembered from one look to the next, and from elsewhere."""

    promises: Promises
    #: how each run that has ended did so
    ended: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    #: each token that is completed
    completed: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    fences: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    #: what executors came to, by run and fence
    results: dict[tuple[str, int], list[Any]] = field(default_factory=dict)
    #: whether an executor was killed under a run, which may then crash, and fail those who wait for it
    has_killed: bool = False
    has_faults: bool = False


Rule = Callable[[Seen, Known], Iterator[str]]


async def see(tx: Tx, is_whole: bool) -> Seen:
    """Read what the rules are about; unless it is to be whole, the runs alone."""
    seen = Seen(runs={row[0]: Run(*row) for row in await tx.all("every_run")})
    if is_whole:
        seen.outputs = {row[0]: row[1] for row in await tx.all("every_output")}
        seen.tokens = {row[0]: tuple(row)[1:] for row in await tx.all("every_token")}
        seen.ticks = [(row[0], row[1]) for row in await tx.all("every_tick")]
        seen.miscounted = await _miscounted(tx)
        for name, told in _FORGOTTEN.items():
            seen.forgotten += [f"{row[0]} {told}" for row in await tx.all(name)]
    return seen


_FORGOTTEN = {
    "never_woken": "is parked, and nothing will wake it",
    "never_due": "waits for its moment, and no alarm is set",
    "never_completed": "has no run left, and nothing will complete it",
}


async def _miscounted(tx: Tx) -> list[str]:
    """Compare the counts that are kept with what they count."""
    found = []
    lanes = {lane: standing for lane, standing in (await counts.lanes_cached(tx)).items() if any(standing)}
    if lanes != (true := await counts.lanes_true(tx)):
        found.append(f"lanes count {lanes}, and {true} stand there")
    pools = {pool: row.running for pool, row in (await counts.pools_cached(tx)).items() if row.running}
    if pools != (true := await counts.pools_true(tx)):
        found.append(f"pools count {pools}, and {true} are leased")
    running = await counts.meters_true(tx)
    for meter, row in (await counts.meters_cached(tx)).items():
        if row.running != running.get(meter, 0):
            found.append(f"meter {meter} counts {row.running}, and {running.get(meter, 0)} are leased")
    return found


class Invariants:
    """Judges what is seen."""

    def __init__(self, promises: Promises) -> None:
        self.known = Known(promises)

    def judge(self, seen: Seen, *, is_end: bool = False) -> None:
        """Hold what is seen against the rules.

        Raises:
            Violation: one of them is broken.
        """
        for rule in (*ALWAYS, *(AT_THE_END if is_end else ())):
            for wrong in rule(seen, self.known):
                raise Violation(f"{(rule.__doc__ or '').splitlines()[0]} But {wrong}.")
        self.known.statuses = {run.id: run.status for run in seen.runs.values()}
        self.known.fences = {run.id: run.fence for run in seen.runs.values()}


def shape(seen: Seen, known: Known) -> Iterator[str]:
    """Status, place, lease and end of a run agree."""
    for run in seen.runs.values():
        status = Status(run.status)
        told = f"{run.id} is {run.status} with place {run.place}, due {run.due_at}, lease {run.lease_until}"
        if status in LEASED and run.lease_until is None:
            yield told
        if run.lease_until is not None and status not in LEASED | {Status.WAITING}:
            yield told
        if (run.place is not None) and status is not Status.QUEUED:
            yield told
        if status is Status.QUEUED and (run.place is None) == (run.due_at is None):
            yield told
        if (run.finished_at is not None) != (status in FINAL):
            yield f"{run.id} is {run.status} and finished at {run.finished_at}"


def counted(seen: Seen, known: Known) -> Iterator[str]:
    """Concurrency used equals leased rows."""
    yield from seen.miscounted


def limited(seen: Seen, known: Known) -> Iterator[str]:
    """No more runs of a key hold a slot than may."""
    held = Counter((run.queue, run.concurrency_key) for run in seen.runs.values() if run.status in LEASED)
    for (queue, key), count in held.items():
        if queue in LIMITS and count > LIMITS[queue]:
            yield f"{count} of queue {queue}, key {key} run"


def ended_stays(seen: Seen, known: Known) -> Iterator[str]:
    """A run that has ended stays as it is."""
    for run in seen.runs.values():
        if run.status in FINAL:
            end = (run.status, run.finished_at, run.fence, run.attempt)
            before = known.ended.setdefault(run.id, end)
            if before != end:
                yield f"{run.id} had ended as {before}, and now as {end}"
    for id, output in seen.outputs.items():
        if known.outputs.setdefault(id, output) != output:
            yield f"{id} had given {known.outputs[id]}, and now {output}"


def fenced(seen: Seen, known: Known) -> Iterator[str]:
    """Only the holder of a run's present lease changes it."""
    for run in seen.runs.values():
        if run.fence < known.fences.get(run.id, 0):
            yield f"the fence of {run.id} went back to {run.fence}"
        if run.status == known.statuses.get(run.id) or run.status not in _TOLD:
            continue
        if run.status == Status.WAITING and run.lease_until is not None:
            continue
        results = known.results.get((run.id, run.fence), [])
        if not any(isinstance(one, _TOLD[Status(run.status)]) for one in results):
            yield f"{run.id} is {run.status} under fence {run.fence}, whose holder did not say so"


_TOLD: Mapping[Status, type] = {Status.COMPLETED: Succeeded, Status.WAITING: Parked}
"""What a holder must have come to before a run has a status."""


def answered_once(seen: Seen, known: Known) -> Iterator[str]:
    """A token completes once."""
    for token, row in seen.tokens.items():
        if row[0] is not None:
            before = known.completed.setdefault(token, row)
            if before != row:
                yield f"{token} was completed as {before}, and now as {row}"


def woken(seen: Seen, known: Known) -> Iterator[str]:
    """Everything that waits has something that will wake it."""
    yield from seen.forgotten


def kept(seen: Seen, known: Known) -> Iterator[str]:
    """An acknowledged trigger exists."""
    for run in known.promises.runs:
        if run not in seen.runs:
            yield f"{run} is not there"


def once(seen: Seen, known: Known) -> Iterator[str]:
    """An idempotent trigger exists once."""
    for key, runs in known.promises.keys.items():
        if len(runs) > 1:
            yield f"key {key} was answered with {sorted(runs)}"


def ticked_once(seen: Seen, known: Known) -> Iterator[str]:
    """A tick of a schedule fires at most once."""
    ticks = Counter((schedule, json.loads(data)["json"]["timestamp"]) for schedule, data in seen.ticks)
    for tick, count in ticks.items():
        if count > 1:
            yield f"{tick} fired {count} times"


def families(seen: Seen, known: Known) -> Iterator[str]:
    """A child is triggered once, however often its parent's worker is lost; one that failed, again."""
    if known.has_killed:  # a crash is an error, after which an attempt begins anew
        return
    good = [run for run in seen.runs.values() if run.status not in FAILURES]
    children = Counter(run.parent for run in good if run.parent)
    for parent, count in children.items():
        most = CHILDREN.get(seen.runs[parent].task)
        if most is not None and count > most:
            yield f"{parent} has {count} children, and triggers {most}"


CHILDREN = {"parent": 2, "gatherer": 2, "batcher": 4}
"""How many children runs of a task have."""


def all_end(seen: Seen, known: Known) -> Iterator[str]:
    """Every run ends once faults stop."""
    for run in seen.runs.values():
        if run.status not in FINAL:
            yield f"{run.id}, a run of {run.task}, is still {run.status}: {run}"


def as_promised(seen: Seen, known: Known) -> Iterator[str]:
    """A run ends as it must, with the right output."""
    for id, promise in known.promises.runs.items():
        run = seen.runs[id]
        may_fail = known.has_killed and run.status in (Status.CRASHED, Status.FAILED)
        if run.status not in promise.ends and not may_fail:
            yield f"{id}, a run of {run.task}, is {run.status}, and not one of {sorted(promise.ends)}"
        if run.status == Status.COMPLETED:
            output = json.loads(seen.outputs[id])
            if output not in promise.outputs:
                yield f"{id}, a run of {run.task}, gave {output}, and not one of {promise.outputs}"


def caused(seen: Seen, known: Known) -> Iterator[str]:
    """Where nothing goes wrong, no run loses its worker."""
    for run in seen.runs.values():
        if run.losses and not known.has_faults:
            yield f"{run.id}, a run of {run.task}, lost its worker {run.losses} times"


ALWAYS: tuple[Rule, ...] = (
    shape,
    counted,
    limited,
    ended_stays,
    fenced,
    answered_once,
    woken,
    kept,
    once,
    ticked_once,
    families,
)
AT_THE_END: tuple[Rule, ...] = (all_end, as_promised, caused)
