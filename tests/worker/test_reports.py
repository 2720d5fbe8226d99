"""What a worker tells the server: in order, in batches, and nothing lost while the server is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from perdure.core.errors import Invalid, NotFound, ServerUnreachable, Unauthorized
from perdure.testing.clock import FakeClock
from perdure.wire import endpoints
from perdure.wire.endpoint import Endpoint
from perdure.wire.model import Model, Nothing
from perdure.wire.workers import (
    Connected,
    ConnectWorker,
    LogLine,
    Report,
    Reported,
    SendLogs,
    Started,
    Succeeded,
    Verdict,
)
from perdure.worker import logs, reports
from perdure.worker.logs import LogShipper
from perdure.worker.reports import Reporter
from perdure.worker.session import Session
from tests.worker.driver import ENVIRONMENT

HELLO = ConnectWorker(
    name="w",
    host="h",
    pid=1,
    python_version="3",
    perdure_version="0",
    concurrency=1,
    code_hash="",
    tasks=[],
)


class Wire:
    """Stands in for the client: answers as it is told, and holds an answer back while it is closed."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.lines: list[LogLine] = []
        self.connections = 0
        self.failures: list[Exception] = []
        self.refuses: Callable[[Any], bool] = lambda item: False
        self.reported = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def call(self, endpoint: Endpoint, body: Model) -> Model:
        if self.failures:
            raise self.failures.pop(0)
        if endpoint is endpoints.workers.CONNECT:
            self.connections += 1
            return Connected(
                worker_id=f"worker_{self.connections}",
                version="1",
                environment=ENVIRONMENT,
                lease_ms=1,
                heartbeat_ms=1,
            )
        if isinstance(body, Report):
            self.reports.append(body)
            self.reported.set()
            await self.open.wait()
            if any(self.refuses(item) for item in body.items):
                raise Invalid("no")
            return Reported(verdicts=[Verdict(run_id=item.run_id, ok=True) for item in body.items])
        assert isinstance(body, SendLogs)
        await self.open.wait()
        self.lines += body.lines
        return Nothing()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def session(wire: Wire) -> Session:
    return Session(wire, HELLO, max_pause=0.01)  # type: ignore[arg-type]


@asynccontextmanager
async def running(service: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(service.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def started(number: int) -> Started:
    return Started(run_id=f"run_{number}", fence=1)


async def test_what_gathers_while_a_report_is_under_way_goes_into_the_next(wire: Wire, session: Session):
    reporter = Reporter(session, lambda item, verdict: None)
    wire.open.clear()
    async with running(reporter):
        reporter.add(started(0))
        await wire.reported.wait()
        for number in range(1, 50):
            reporter.add(started(number))
        wire.open.set()
        await reporter.settled()

    assert [len(report.items) for report in wire.reports] == [1, 49]
    assert [item.run_id for report in wire.reports for item in report.items] == [
        f"run_{number}" for number in range(50)
    ]


async def test_the_start_of_a_run_that_has_ended_is_not_told_apart(wire: Wire, session: Session):
    reporter = Reporter(session, lambda item, verdict: None)
    async with running(reporter):
        reporter.add(started(1))
        reporter.add(started(2))
        reporter.add(Succeeded(run_id="run_1", fence=1))
        await reporter.settled()

    assert [(item.run_id, item.type) for report in wire.reports for item in report.items] == [
        ("run_2", "started"),
        ("run_1", "succeeded"),
    ]


async def test_the_start_of_a_run_that_goes_on_is_told_by_itself(wire: Wire, session: Session):
    reporter = Reporter(session, lambda item, verdict: None)
    async with running(reporter):
        reporter.add(started(1))
        await wire.reported.wait()

    assert [item.run_id for item in wire.reports[0].items] == ["run_1"]


async def test_large_outputs_go_in_several_reports(wire: Wire, session: Session, monkeypatch):
    monkeypatch.setattr(reports, "MAX_BYTES", 5000)
    reporter = Reporter(session, lambda item, verdict: None)
    async with running(reporter):
        for number in range(4):
            reporter.add(Succeeded(run_id=f"run_{number}", fence=1, output="x" * 3000))
        await reporter.settled()

    assert [len(report.items) for report in wire.reports] == [1, 1, 1, 1]


async def test_nothing_is_lost_while_the_server_is_away(wire: Wire, session: Session):
    reporter = Reporter(session, lambda item, verdict: None)
    wire.failures = [ServerUnreachable(url="u", reason="r") for _ in range(5)]
    async with running(reporter):
        reporter.add(started(1))
        await reporter.settled()

    assert [item.run_id for item in wire.reports[0].items] == ["run_1"]


async def test_a_server_that_forgot_the_worker_is_connected_to_again(wire: Wire, session: Session):
    reporter = Reporter(session, lambda item, verdict: None)
    await session.connect()
    wire.failures = [NotFound(kind="worker", name="worker_1")]
    async with running(reporter):
        reporter.add(started(1))
        await reporter.settled()

    assert wire.connections == 2
    assert wire.reports[0].worker_id == "worker_2"


async def test_a_wrong_key_is_final(wire: Wire, session: Session):
    wire.failures = [Unauthorized()]

    with pytest.raises(Unauthorized):
        await session.connect()


async def test_an_item_that_is_refused_does_not_hold_up_the_others(wire: Wire, session: Session):
    verdicts: dict[str, bool] = {}
    reporter = Reporter(session, lambda item, verdict: verdicts.update({item.run_id: verdict.ok}))
    wire.refuses = lambda item: item.run_id == "run_1"
    async with running(reporter):
        for number in range(3):
            reporter.add(started(number))
        await reporter.settled()

    assert verdicts == {"run_0": True, "run_1": False, "run_2": True}


def line(number: int) -> LogLine:
    return LogLine(
        run_id="run_1",
        attempt=1,
        time=datetime.now(UTC),
        level="info",
        message=f"line {number}",
        source="logger",
    )


async def test_lines_that_the_server_does_not_take_in_time_are_counted(
    wire: Wire, session: Session, monkeypatch
):
    monkeypatch.setattr(logs, "WAITING_LINES", 10)
    shipper = LogShipper(session, FakeClock())
    shipper.add([line(number) for number in range(25)])
    async with running(shipper):
        await shipper.settled()

    assert [one.message for one in wire.lines[:10]] == [f"line {number}" for number in range(10)]
    assert [one.message for one in wire.lines[10:]] == [
        "15 lines and spans were dropped: the server did not take them in time."
    ]


async def test_lines_keep_their_order_over_many_batches(wire: Wire, session: Session, monkeypatch):
    monkeypatch.setattr(logs, "MAX_LINES", 7)
    shipper = LogShipper(session, FakeClock())
    async with running(shipper):
        shipper.add([line(number) for number in range(100)])
        await shipper.settled()

    assert [one.message for one in wire.lines] == [f"line {number}" for number in range(100)]
