"""How fast the store writes: `python benchmarks/store.py [sqlite|postgres]`.

Real files and a real server that sync their commits.  The claim: the floors of docs/internals for one-row
commits and for rows in hundreds (SQLite 5,000 and 350,000 per second; PostgreSQL 2,400 on one connection,
10,000 on sixteen, and 110,000).
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from perdure.store.connect import open_database  # noqa: E402
from perdure.store.database import Database, Tx  # noqa: E402
from perdure.store.schema import Schema  # noqa: E402
from tests.support.postgres import durable_server  # noqa: E402

SHELF = Schema("perdure_benchmark", ROOT / "tests" / "store" / "schema")


async def put(tx: Tx, id: str) -> None:
    await tx.run("put_simple", id=id, amount=1)


async def put_many(tx: Tx, ids: list[str]) -> None:
    await tx.many("put_simple", [{"id": id, "amount": 1} for id in ids])


async def put_all(tx: Tx, ids: list[str]) -> None:
    await tx.run("put_all_simple", items=[{"id": id, "amount": 1} for id in ids])


async def look(tx: Tx, id: str) -> None:
    await tx.maybe("item", id=id)


async def rate(callers: int, calls: int, call: Callable[[str], Awaitable[object]]) -> float:
    """Calls per second of so many callers at once, each making so many calls, one after another."""

    async def caller(number: int) -> None:
        for count in range(calls):
            await call(f"{number}-{count}")

    began = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    return callers * calls / (time.perf_counter() - began)


async def measure(url: str) -> None:
    async with await open_database(url, SHELF) as db:
        for callers, calls in ((1, 3000), (16, 1000), (200, 100)):
            report(
                f"one-row commits, {callers} at once",
                await rate(callers, calls, lambda id, n=callers: db.transact(put, f"one-{n}-{id}")),
            )
        for callers, calls in ((1, 300), (16, 40)):
            for name, body in (("many", put_many), ("rows", put_all)):
                report(
                    f"rows by hundreds, {name}, {callers} at once",
                    100 * await rate(callers, calls, hundreds(db, body, f"{name}-{callers}")),
                )
        for callers, calls in ((1, 3000), (16, 500)):
            report(
                f"one-row reads, {callers} at once",
                await rate(callers, calls, lambda id: db.read(look, f"one-1-{id}")),
            )


def hundreds(
    db: Database, body: Callable[..., Awaitable[None]], prefix: str
) -> Callable[[str], Awaitable[None]]:
    def call(id: str) -> Awaitable[None]:
        return db.transact(body, [f"{prefix}-{id}-{place}" for place in range(100)])  # pyright: ignore

    return call


def report(what: str, per_second: float) -> None:
    print(f"  {what:<38} {per_second:>10,.0f}/s")


def main() -> None:
    wanted = sys.argv[1:] or ["sqlite", "postgres"]
    if "sqlite" in wanted:
        print("SQLite")
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(measure(f"sqlite:///{folder}/benchmark.db"))
    if "postgres" in wanted:
        print("PostgreSQL")
        with durable_server() as url:
            asyncio.run(measure(url))


if __name__ == "__main__":
    main()
