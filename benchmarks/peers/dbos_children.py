"""Ten children in a row, in DBOS: prints how many parents finish in a second.

    python dbos_children.py DATABASE_URL PARENTS AT_ONCE

Workflows that call workflows, as https://docs.dbos.dev/python/tutorials/workflow-tutorial shows; the
child is awaited by its handle, so that both sides make a run of their own for each child.
"""

import asyncio
import sys
import time

from dbos import DBOS, DBOSConfig

DATABASE_URL, PARENTS, AT_ONCE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

config: DBOSConfig = {
    "name": "bench",
    "system_database_url": DATABASE_URL,
    "run_admin_server": False,
    "log_level": "WARNING",
}
DBOS(config=config)


@DBOS.workflow()
async def child(number: int) -> int:
    return number + 1


@DBOS.workflow()
async def parent() -> int:
    number = 0
    for _ in range(10):
        handle = await DBOS.start_workflow_async(child, number)
        number = await handle.get_result()
    return number


async def main() -> None:
    DBOS.launch()
    await parent()
    left = iter(range(PARENTS))

    async def one_after_another() -> None:
        for _ in left:
            if await parent() != 10:
                raise RuntimeError("a parent is wrong")

    began = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    print(PARENTS / (time.perf_counter() - began))


asyncio.run(main())
