"""What workers report of the runs they hold.

A report of many items is one transaction, and concurrent reports share one.  The items of a run are
folded into one change of its row (`perdure.engine.reports`), so an attempt that began and succeeded
between two reports costs no more than one that only succeeded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.core.errors import PerdureError
from perdure.engine import metadata, tags
from perdure.engine.alarms import set_alarms
from perdure.engine.catalog import Catalog
from perdure.engine.committer import Committer
from perdure.engine.moves import apply
from perdure.engine.reports import RunReport
from perdure.engine.resources import Resources
from perdure.engine.waiting import lock_awaited, record
from perdure.store import history, packets, runs, waits
from perdure.store.database import Tx
from perdure.store.rows import Environment, Run
from perdure.wire.manifests import TaskManifest
from perdure.wire.values import EnvironmentType
from perdure.wire.waits import WaitKind
from perdure.wire.workers import Checkpointed, Failed, Parked, Report, Reported, ReportItem, Verdict

REPORTS = 50
"""The most reports in one transaction; each may have a thousand items."""


@dataclass(frozen=True, slots=True)
class Told:
    """A report, and the environment of who sent it."""

    environment: str
    report: Report
    #: whether a state that it brings is kept for the workers of its version: not while developing
    keeps_versions: bool


class Attempts:
    """Takes the reports of workers."""

    def __init__(self, resources: Resources, catalog: Catalog) -> None:
        """Use these resources and this knowledge of tasks."""
        self._resources = resources
        self._catalog = catalog
        self._committer: Committer[Told, Reported] = Committer(self._record, limit=REPORTS)

    async def report(self, environment: Environment, report: Report) -> Reported:
        """Apply what a worker says; return a verdict for each item, in order.

        An item about a run that the worker does not hold (any more) changes nothing, and its verdict
        says so: `lease_lost` or `canceled`.
        """
        keeps_versions = environment.type != EnvironmentType.DEV
        return await self._committer.submit(Told(environment.id, report, keeps_versions))

    async def _record(self, told: Sequence[Told]) -> list[Reported | PerdureError]:
        now = self._resources.clock.now()
        return await self._resources.db.transact(self._apply, told, now)

    async def _apply(self, tx: Tx, told: Sequence[Told], now: int) -> list[Reported | PerdureError]:
        items = [item for one in told for item in one.report.items]
        # What a run is to wait for is locked with it, all in one order, so that nobody waits in a circle.
        held = await runs.lock(tx, sorted({name for item in items for name in _named(item)}))
        await lock_awaited(tx, [wait for item in items for wait in getattr(item, "waits", ())])
        storing = sorted({item.run_id for item in items if isinstance(item, STORING)})
        numbers = await waits.last_numbers(tx, storing) if storing else {}
        policies = await self._policies(tx, told, held)
        folded: dict[str, RunReport] = {}
        answers: list[Reported | PerdureError] = []
        for one in told:
            verdicts = []
            for item in one.report.items:
                run = held.get(item.run_id)
                if run is None or run.environment != one.environment:
                    verdicts.append(Verdict(run_id=item.run_id, ok=False, code="lease_lost"))
                    continue
                report = folded.get(run.id)
                if report is None:
                    manifest = policies.get((run.environment, run.version or "", run.task))
                    report = folded[run.id] = RunReport(
                        run,
                        manifest,
                        now=now,
                        dice=self._resources.dice,
                        numbers=numbers.get(run.id, (0, None)),
                        keeps_version=one.keeps_versions,
                    )
                verdicts.append(report.add(one.report.worker_id, item))
            answers.append(Reported(verdicts=verdicts))
        await _write(tx, list(folded.values()), now)
        return answers

    async def _policies(
        self, tx: Tx, told: Sequence[Told], held: Mapping[str, Run]
    ) -> dict[tuple[str, str, str], TaskManifest]:
        """Return the manifests of tasks that failed, by environment, version and task."""
        wanted: dict[tuple[str, str], set[str]] = {}
        for one in told:
            for item in one.report.items:
                run = held.get(item.run_id)
                if isinstance(item, Failed) and run is not None and run.version is not None:
                    wanted.setdefault((run.environment, run.version), set()).add(run.task)
        found: dict[tuple[str, str, str], TaskManifest] = {}
        for (environment, version), tasks in wanted.items():
            manifests = await self._catalog.manifests(tx, environment, version, tasks)
            found |= {(environment, version, task): manifest for task, manifest in manifests.items()}
        return found


STORING = (Parked, Checkpointed, Failed)
"""Items that need to know which states of the run are stored."""


def _named(item: ReportItem) -> list[str]:
    """Return the runs that an item is about, or waits for."""
    waited = [w.subject for w in getattr(item, "waits", ()) if w.kind is WaitKind.RUN]
    return [item.run_id, *waited]


async def _write(tx: Tx, reports: Sequence[RunReport], now: int) -> None:
    moves = [report.move() for report in reports if report.steps or report.changes]
    await apply(tx, moves, now=now)
    attempts = [attempt for report in reports for attempt in report.attempts.values()]
    if attempts:
        await history.put_attempts(tx, attempts)
    results = [packet for report in reports for packet in report.packets]
    if results:
        await packets.put(tx, results)
    await set_alarms(tx, [alarm for report in reports for alarm in report.alarms], now)
    waiting = [wait for report in reports for wait in report.waiting]
    snapshots = [snapshot for report in reports for snapshot in report.snapshots]
    if waiting or snapshots:
        await record(tx, snapshots, waiting, now)
    changed = [(report.run, item) for report in reports for item in report.metadata]
    if changed:
        await metadata.record(tx, changed, now)
        await tags.record(tx, [(run, item.tags) for run, item in changed if item.tags], now)
