"""How soon a workflow begins and ends in DBOS, one in flight: prints p50, p95 and p99 of each, in ms.

    python dbos_latency.py DATABASE_URL RUNS PARENTS

In this order: start to body, start to result, the same through one child, the same through ten in a row.
Workflows run in the process that starts them, as https://docs.dbos.dev/python/tutorials/workflow-tutorial
shows: there is no worker to be reached, and no HTTP.
"""

import asyncio
import statistics
import sys
import time

from dbos import DBOS, DBOSConfig

DATABASE_URL, RUNS, PARENTS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
WARM = 10

config: DBOSConfig = {
    "name": "bench",
    "system_database_url": DATABASE_URL,
    "run_admin_server": False,
    "log_level": "WARNING",
}
DBOS(config=config)


@DBOS.workflow()
async def child(number: int) -> float:
    return time.monotonic()


@DBOS.workflow()
async def parent(children: int) -> float:
    for number in range(children):
        handle = await DBOS.start_workflow_async(child, number)
        await handle.get_result()
    return time.monotonic()


async def one_by_one(workflow, argument: int, runs: int) -> tuple[list[float], list[float]]:
    bodies, results = [], []
    for _ in range(WARM + runs):
        began = time.monotonic()
        handle = await DBOS.start_workflow_async(workflow, argument)
        body = await handle.get_result()
        results.append(time.monotonic() - began)
        bodies.append(body - began)
    return bodies[WARM:], results[WARM:]


def quantiles(seconds: list[float]) -> list[float]:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return [cut * 1000 for cut in (cuts[49], cuts[94], cuts[98])]


async def main() -> None:
    DBOS.launch()
    bodies, results = await one_by_one(child, 1, RUNS)
    _, through = await one_by_one(parent, 1, RUNS // 3)
    _, family = await one_by_one(parent, 10, PARENTS)
    print(*(number for times in (bodies, results, through, family) for number in quantiles(times)))


asyncio.run(main())
