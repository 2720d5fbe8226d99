"""A real server in a process of its own, and both clients of it."""

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from perdure import AsyncClient, Client
from perdure.wire import endpoints, workers
from perdure.wire.manifests import QueueManifest, TaskManifest
from tests.support import processes

KEY = "tr_dev_0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.Server]:
    with processes.server(tmp_path_factory.mktemp("server"), PERDURE_SECRET_KEY=KEY) as running:
        yield running


@pytest.fixture(params=["asyncio", "blocking"])
async def client(request: pytest.FixtureRequest, server: processes.Server) -> AsyncIterator[Any]:
    """Each of the two clients: what they give is to be awaited with `got`, or gone through with `each`."""
    made = (AsyncClient if request.param == "asyncio" else Client)(server.url, KEY)
    yield made
    await got(made.close())


async def got(answer: Any) -> Any:
    """Return the answer of either client."""
    return await answer if inspect.isawaitable(answer) else answer


async def each(items: Any) -> list[Any]:
    """Return all that either client goes through."""
    return [item async for item in items] if hasattr(items, "__aiter__") else list(items)


class HandWorker:
    """A worker that a test drives by hand."""

    def __init__(self, client: Any, *tasks: str, dead_letters: bool = False) -> None:
        self._client = client
        self._dead_letters = dead_letters
        self._tasks = tasks
        self._id = ""

    async def connect(self) -> "HandWorker":
        tasks = [
            TaskManifest(
                id=task,
                file_path="a.py",
                line=1,
                name=task,
                queue=QueueManifest(name=f"task/{task}"),
                dead_letters=self._dead_letters,
            )
            for task in self._tasks
        ]
        hello = workers.ConnectWorker(
            name="hand",
            host="here",
            pid=1,
            python_version="3",
            perdure_version="0",
            concurrency=10,
            code_hash=",".join(self._tasks),
            tasks=tasks,
        )
        self._id = (await got(self._client.call(endpoints.workers.CONNECT, hello))).worker_id
        return self

    async def claim(self) -> workers.Assignment:
        polled = await got(
            self._client.call(endpoints.workers.POLL, workers.PollRuns(worker_id=self._id, slots=1, wait=20))
        )
        (run,) = polled.runs
        await self.report(workers.Started(run_id=run.run_id, fence=run.fence))
        return run

    async def succeed(self, output: str | None = None) -> str:
        run = await self.claim()
        await self.report(workers.Succeeded(run_id=run.run_id, fence=run.fence, output=output))
        return run.run_id

    async def report(self, item: workers.ReportItem) -> None:
        report = workers.Report(worker_id=self._id, items=[item])
        (verdict,) = (await got(self._client.call(endpoints.workers.REPORT, report))).verdicts
        assert verdict.ok, verdict


@pytest.fixture
def task_id(request: pytest.FixtureRequest) -> str:
    """A task that no other test uses."""
    return f"{request.node.name}"[:120].replace("[", "-").replace("]", "")


@pytest.fixture
async def hand(client: Any, task_id: str) -> HandWorker:
    """A worker that has the test's task."""
    return await HandWorker(client, task_id).connect()
