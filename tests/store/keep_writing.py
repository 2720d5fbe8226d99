"""Writes to the shelf until it is killed, and prints what was acknowledged: `keep_writing.py URL`."""

import asyncio
import sys

from perdure.store.connect import open_database
from perdure.store.database import Tx
from tests.store.conftest import SCHEMA


async def put_pair(tx: Tx, id: str) -> None:
    await tx.run("put_simple", id=f"{id}-left", amount=1)
    await tx.run("put_simple", id=f"{id}-right", amount=1)


async def main(url: str) -> None:
    db = await open_database(url, SCHEMA)

    async def write_for_ever(writer: int) -> None:
        number = 0
        while True:
            await db.transact(put_pair, f"{writer}-{number}")
            print(f"{writer}-{number}", flush=True)
            number += 1

    await asyncio.gather(*(write_for_ever(writer) for writer in range(8)))


asyncio.run(main(sys.argv[1]))
