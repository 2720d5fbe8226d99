"""What the clients and the face cost: `python benchmarks/client.py`.

The claims: declaring a task loads nothing heavy; and a trigger costs little more than the HTTP client's own
share of it, which is why the clients use the libraries they use (docs/decisions/0002-http-clients.md).  The
server answers each POST at once, without looking at it, from a process of its own.
"""

import asyncio
import http.client
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import httpx

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from perdure import AsyncClient, Client  # noqa: E402
from tests.support.processes import variables  # noqa: E402

KEY = "tr_dev_0123456789abcdef0123456789abcdef"
BODY = json.dumps({"payload": {"order_id": "o1", "amount": "10"}, "options": {}}).encode()
HEADERS = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
COUNT = 1_000
ROUNDS = 3

SERVER = """
import socket, uvicorn

ANSWER = b'{"id":"run_1","isCached":false}'
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(ANSWER))]}

async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send(START)
    await send({"type": "http.response.body", "body": ANSWER})

listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
config = uvicorn.Config(
    app, log_level="critical", lifespan="off", http="httptools", loop="uvloop", access_log=False
)
uvicorn.Server(config).run([listening])
"""


@contextmanager
def server() -> Iterator[int]:
    """Run the server; give its port."""
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def import_ms(statement: str) -> float:
    """Return how much more processor time an interpreter takes that runs a statement, in milliseconds."""
    return (_start_s(statement) - _start_s("pass")) * 1000


def _start_s(statement: str) -> float:
    times = []
    for _ in range(7):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-c", statement], check=True, env=variables(PYTHONDONTWRITEBYTECODE="")
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


async def _rate(send: Callable[[], Awaitable[object]]) -> float:
    await send()
    began = time.perf_counter()
    for _ in range(COUNT):
        await send()
    return COUNT / (time.perf_counter() - began)


async def asynchronous(port: int) -> dict[str, float]:
    """Return POSTs per second, one in flight, of each library for asyncio."""
    url = f"http://127.0.0.1:{port}/api/v1/tasks/t/trigger"
    found: dict[str, float] = {}
    async with httpx.AsyncClient() as client:
        found["httpx"] = await _rate(lambda: client.post(url, content=BODY, headers=HEADERS))
    async with aiohttp.ClientSession() as session:

        async def post() -> bytes:
            async with session.post(url, data=BODY, headers=HEADERS) as answer:
                return await answer.read()

        found["aiohttp"] = await _rate(post)
    async with AsyncClient(f"http://127.0.0.1:{port}", KEY) as ours:
        payload = {"order_id": "o1", "amount": "10"}
        found["AsyncClient.trigger"] = await _rate(lambda: ours.trigger("t", payload))
    return found


def _blocking_rate(send: Callable[[], object]) -> float:
    send()
    began = time.perf_counter()
    for _ in range(COUNT):
        send()
    return COUNT / (time.perf_counter() - began)


def blocking(port: int) -> dict[str, float]:
    """Return POSTs per second, one in flight, of each blocking library."""
    path = "/api/v1/tasks/t/trigger"
    found: dict[str, float] = {}
    with httpx.Client() as client:
        found["httpx"] = _blocking_rate(
            lambda: client.post(f"http://127.0.0.1:{port}{path}", content=BODY, headers=HEADERS)
        )
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def post() -> bytes:
        connection.request("POST", path, BODY, HEADERS)
        return connection.getresponse().read()

    found["http.client"] = _blocking_rate(post)
    connection.close()
    with Client(f"http://127.0.0.1:{port}", KEY) as ours:
        payload = {"order_id": "o1", "amount": "10"}
        found["Client.trigger"] = _blocking_rate(lambda: ours.trigger("t", payload))
    return found


def report(what: str, value: float, unit: str) -> None:
    print(f"{what:<58}{value:>12,.2f} {unit}", flush=True)


def _report_rates(kind: str, rounds: list[dict[str, float]]) -> None:
    medians = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    for name, rate in medians.items():
        report(f"{kind}: {name}", rate, "POSTs/s")
        report(f"{kind}: {name}, to httpx", rate / medians["httpx"], "times")


def main() -> None:
    for statement in (
        "import perdure",
        "from perdure import task",
        "from perdure import Client",
        "import httpx",
    ):
        report(statement, import_ms(statement), "ms")
    with server() as port:
        _report_rates("asyncio", [asyncio.run(asynchronous(port)) for _ in range(ROUNDS)])
        _report_rates("blocking", [blocking(port) for _ in range(ROUNDS)])


if __name__ == "__main__":
    main()
