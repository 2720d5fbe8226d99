"""Running many simulations, in as many processes as there are cores."""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tests.simulation.grounds import SQLiteGround, add_environment
from tests.simulation.plants import PLANTS
from tests.simulation.simulation import Plan, Simulator
from tests.simulation.storage_postgres import PostgresGround
from tests.support import postgres
from tests.support.databases import PostgresDatabases

CHUNK = 25
"""How many seeds one Python process runs, before another goes on with less memory."""

TOLD_EVERY_S = 15.0


@dataclass(frozen=True)
class Search:
    """Which simulations to run."""

    dialect: str
    #: a bug that is planted
    plant: str | None
    first: int
    seeds: int
    jobs: int
    keeps_going: bool


def search(wanted: Search) -> list[int]:
    """Run many seeds, and say how far it is; return those that fail.

    Unless it keeps going, it ends with the chunk of seeds in which the first fails.
    """
    began = told = time.monotonic()
    ends = wanted.first + wanted.seeds
    chunks = [(wanted, first, min(CHUNK, ends - first)) for first in range(wanted.first, ends, CHUNK)]
    failed: list[int] = []
    done = 0
    with get_context("spawn").Pool(wanted.jobs, maxtasksperchild=4) as pool:
        for count, wrong in pool.imap_unordered(_run_chunk, chunks):
            done += count
            failed += wrong
            if time.monotonic() - told > TOLD_EVERY_S or done == wanted.seeds or wrong:
                told = time.monotonic()
                print(
                    f"{done:,} of {wanted.seeds:,} seeds, {told - began:.0f} s, {len(failed)} failed",
                    flush=True,
                )
            if failed and not wanted.keeps_going:
                break
    return sorted(failed)


def _run_chunk(chunk: tuple[Search, int, int]) -> tuple[int, list[int]]:
    """Run some seeds; return how many, and which failed."""
    wanted, first, count = chunk
    with simulator(wanted.dialect, wanted.plant) as found:
        return count, [seed for seed in range(first, first + count) if found.run(Plan.of(seed)).wrong]


@contextmanager
def simulator(dialect: str, plant: str | None) -> Iterator[Simulator]:
    """Open what simulations run on."""
    if plant is not None:
        PLANTS[plant]()
    if dialect == "postgres":
        databases = PostgresDatabases()
        yield Simulator(PostgresGround(databases))
        databases.close()
        return
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        asyncio.run(add_environment(SQLiteGround.template(Path(folder))))
        yield Simulator(SQLiteGround(Path(folder)))


@contextmanager
def server_of(dialect: str) -> Iterator[None]:
    """Keep a PostgreSQL server for this process and its children, unless there is one."""
    if dialect == "sqlite" or postgres.FOLDER_VARIABLE in os.environ:
        yield
        return
    with postgres.test_session():
        yield
