"""How fast a worker is, without a server: `python benchmarks/worker.py`.

The claims: a fork is a matter of milliseconds; handing a run to a warm executor costs little more than the
ping-pong over its pipe; so a worker is never what holds the whole system back.  The fake server answers
every poll with as many runs as are asked for, from memory.
"""

import asyncio
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from perdure.core.errors import PerdureError  # noqa: E402
from perdure.wire import endpoints, workers  # noqa: E402
from perdure.wire.endpoint import Endpoint  # noqa: E402
from perdure.wire.model import Model, Nothing  # noqa: E402
from perdure.worker.launch import Home  # noqa: E402
from perdure.worker.options import WorkerOptions  # noqa: E402
from perdure.worker.supervisor import Supervisor  # noqa: E402
from tests.support.processes import variables  # noqa: E402
from tests.worker.driver import ENVIRONMENT, ZygoteDriver, assignment, zygote  # noqa: E402

TASKS = """
from perdure import task

@task(id="async")
async def no_op() -> None: ...

@task(id="sync")
def no_op_sync() -> None: ...

@task(id="shared", isolation="shared")
async def no_op_shared() -> None: ...

@task(id="fresh", isolation="fresh")
async def no_op_fresh() -> None: ...
"""


class FakeServer:
    """Hands out runs of one task, and counts how they end; stands in for the client of a worker."""

    def __init__(self, task: str, count: int) -> None:
        self._task = task
        self._left = count
        self._unfinished = count
        self.done = asyncio.Event()

    async def call(self, endpoint: Endpoint, body: Model) -> Model:
        if isinstance(body, workers.PollRuns):
            return await self._poll(body)
        if isinstance(body, workers.Report):
            return self._report(body)
        if endpoint is endpoints.workers.CONNECT:
            return workers.Connected(
                worker_id="worker_1",
                version="1",
                environment=ENVIRONMENT,
                lease_ms=60_000,
                heartbeat_ms=60_000,
            )
        return Nothing()

    async def close(self) -> None: ...

    async def _poll(self, poll: workers.PollRuns) -> workers.Polled:
        count = min(poll.slots, self._left)
        if not count:
            await asyncio.sleep(poll.wait)
        self._left -= count
        return workers.Polled(runs=[assignment(self._task) for _ in range(count)])

    def _report(self, report: workers.Report) -> workers.Reported:
        for item in report.items:
            if isinstance(item, workers.Failed):
                raise PerdureError(f"a no-op failed: {item.error.message}")
            self._unfinished -= isinstance(item, workers.Succeeded)
        if not self._unfinished:
            self.done.set()
        return workers.Reported(verdicts=[workers.Verdict(run_id=i.run_id, ok=True) for i in report.items])


class NoHeart:
    """A client for heartbeats that nobody hears."""

    def call(self, endpoint: Endpoint, body: Model) -> Model:
        return workers.HeartbeatAnswer()

    def close(self) -> None: ...


async def drain_rate(root: Path, task: str, count: int) -> float:
    """Runs per second of a whole worker."""
    server = FakeServer(task, count)
    supervisor = Supervisor(Home(root, variables()), server, NoHeart(), WorkerOptions())  # type: ignore[arg-type]
    work = asyncio.create_task(supervisor.run())
    await supervisor.connected.wait()
    began = time.perf_counter()
    await server.done.wait()
    took = time.perf_counter() - began
    supervisor.stop()
    await work
    return count / took


def raw_ping_pong(count: int = 5000) -> list[float]:
    """Seconds of each echo of 300 bytes by another process: the floor under a dispatch."""
    import os

    ours, theirs = socket.socketpair()
    if not (pid := os.fork()):
        ours.close()
        while data := theirs.recv(65_536):
            theirs.sendall(data)
        os._exit(0)
    theirs.close()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        ours.sendall(b"x" * 300)
        ours.recv(65_536)
        times.append(time.perf_counter() - began)
    ours.close()
    os.waitpid(pid, 0)
    return times


def dispatches(forking: ZygoteDriver, task: str, count: int = 2000) -> list[float]:
    """Seconds from giving a run to a warm executor to its result, one after another."""
    executor = forking.executor()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        executor.run(task)
        times.append(time.perf_counter() - began)
    return times


def forks(forking: ZygoteDriver, count: int = 100) -> list[float]:
    """Seconds from asking for an executor to its being ready, one after another."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        forking.executor()
        times.append(time.perf_counter() - began)
        forking.close_executors()
    return times


def report(what: str, value: float, unit: str) -> None:
    print(f"{what:<58}{value:>12,.3f} {unit}", flush=True)


def report_times(what: str, times: list[float]) -> None:
    report(f"{what}, p50", statistics.median(times) * 1000, "ms")
    report(f"{what}, p99", statistics.quantiles(times, n=100)[98] * 1000, "ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "tasks").mkdir()
        (root / "tasks" / "no_ops.py").write_text(TASKS)
        report_times("echo of 300 bytes between two processes", raw_ping_pong())
        with zygote(root) as forking:
            report_times("new executor, ready for runs", forks(forking))
            report_times("async no-op in a warm executor", dispatches(forking, "async"))
            report_times("sync no-op in a warm executor", dispatches(forking, "sync"))
        for task, count in (("async", 10_000), ("sync", 10_000), ("shared", 20_000), ("fresh", 1_000)):
            report(f"{task} no-ops, a whole worker", asyncio.run(drain_rate(root, task, count)), "runs/s")


if __name__ == "__main__":
    main()
