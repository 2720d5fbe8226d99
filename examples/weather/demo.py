"""Runs the weather example from start to end, and shows it: `./dev demo`.

Starts `perdure dev` on a database of its own, triggers some 260 runs of five tasks, watches them, prints
what came out and where to look next, and stops what it started.
"""

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import combinations
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table
from tasks import weather

from perdure import AsyncClient, PerdureError, RunHandle, batch
from perdure.wire.runs import ListedRun

HERE = Path(__file__).parent
YEARS = range(2012, 2016)
START_SECONDS = 60
RUN_SECONDS = 300

console = Console()


@contextmanager
def server(folder: Path) -> Iterator[None]:
    """Run `perdure dev` for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    os.environ["PERDURE_API_URL"] = f"http://127.0.0.1:{port}"
    os.environ["PERDURE_SECRET_KEY"] = f"tr_dev_{secrets.token_hex(12)}"
    os.environ["PERDURE_DATABASE_URL"] = f"sqlite:///{folder}/demo.db"
    command = [sys.executable, "-m", "perdure", "dev", "--no-reload", "--port", str(port)]
    with (folder / "dev.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=HERE, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        except BaseException:
            console.print((folder / "dev.log").read_text(errors="replace")[-4000:], markup=False)
            raise
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                process.kill()


async def until_ready() -> None:
    """Wait until the server answers and a worker has brought the tasks."""
    end = time.monotonic() + START_SECONDS
    async with AsyncClient(tries=1) as client:
        while time.monotonic() < end:
            try:
                if (await client.tasks()).tasks:
                    return
            except PerdureError:
                pass
            await asyncio.sleep(0.1)
    raise SystemExit(f"perdure dev was not ready after {START_SECONDS} seconds.")


async def trigger_all() -> tuple[list[RunHandle], RunHandle[str]]:
    """Trigger every run; return their handles, and that of the report."""
    months = [date(year, month, 1) for year in YEARS for month in range(1, 13)]
    sums = await weather.sum_up_years.options(tags="demo").trigger(YEARS[0], YEARS[-1])
    others = await batch.trigger(
        [
            *(weather.check_station.options(tags="demo").item(month) for month in months),
            *(weather.compare_summers.options(tags="demo").item(a, b) for a, b in combinations(YEARS, 2)),
        ]
    )
    weeks = await sums.result(RUN_SECONDS)
    report = await weather.publish_report.options(tags="demo", delay="3s").trigger(weeks)
    return [sums, *[handle async for handle in others.runs()], report], report


async def watch(handles: asyncio.Task[tuple[list[RunHandle], RunHandle[str]]]) -> None:
    """Show how many runs of each task are where, until all have ended."""
    async with AsyncClient() as client:
        with Live(console=console, refresh_per_second=8) as live:
            while True:
                is_triggered = handles.done()  # asked first: what is listed after it is all there is
                rows = [run async for run in client.runs.list(tag="demo", size=100)]
                live.update(picture(rows))
                if is_triggered and (handles.exception() or all(run.is_completed for run in rows)):
                    return
                await asyncio.sleep(0.25)


def picture(runs: list[ListedRun]) -> Table:
    """Return a table of tasks and statuses."""
    counts = Counter((run.task_identifier, run.status.value) for run in runs)
    statuses = ["DELAYED", "QUEUED", "EXECUTING", "WAITING", "COMPLETED", "FAILED"]
    table = Table("task", *[status.lower() for status in statuses], title=f"{len(runs)} runs")
    for task in sorted({run.task_identifier for run in runs}):
        cells = [counts[task, status] for status in statuses]
        cells[2] += counts[task, "DEQUEUED"]
        table.add_row(task, *[str(cell or "") for cell in cells])
    return table


async def show_results(handles: list[RunHandle], report: RunHandle[str]) -> bool:
    """Print what came out; tell whether every run succeeded."""
    async with AsyncClient() as client:
        runs = [run async for run in client.runs.list(tag="demo", size=100)]
        stations = [run for run in runs if run.task_identifier == "check-station"]
        full = await asyncio.gather(*(client.runs.retrieve(run.id) for run in stations))
    retried = sum(run.attempt_count > 1 for run in full)
    console.print(f"\n[bold]{await report.result(60)}[/bold]")
    for handle in handles:
        if handle.task == "compare-summers":
            change = await handle.result(60)
            console.print(
                f"Summer {change.later} against {change.earlier}: {change.degrees:+.2f} °C "
                f"(95 % between {change.low:+.2f} and {change.high:+.2f})"
            )
    good = sum(run.is_success for run in runs)
    console.print(
        f"\n{good} of {len(runs)} runs succeeded; {retried} of them at a second try, 1 after a delay."
    )
    return good == len(runs) > len(handles)


async def main() -> int:
    """Run the demo; return its exit code."""
    began = time.monotonic()
    await until_ready()
    triggering = asyncio.create_task(trigger_all())
    await watch(triggering)
    handles, report = await triggering
    complete = await show_results(handles, report)
    console.print(
        f"\nThat took {time.monotonic() - began:.1f} s, on SQLite, in one folder. Where to look next:\n"
        "  examples/weather/tasks/weather.py   the five tasks\n"
        "  ./dev up                            the same project, kept running; then, beside it:\n"
        '  .venv/bin/perdure trigger summarize-week --payload \'{"year": 2014, "week": 7}\' --wait\n'
        "  docs/start.md                       your own first task",
        highlight=False,
    )
    return 0 if complete else 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="perdure-demo-") as scratch, server(Path(scratch)):
        code = asyncio.run(asyncio.wait_for(main(), RUN_SECONDS))
    sys.exit(code)
