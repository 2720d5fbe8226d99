"""Outside of dev, a child that its parent waits for is locked to its parent's version, with the parent."""

import shutil
from pathlib import Path

from perdure import AsyncClient
from perdure.store import runs
from perdure.store.connect import open_database
from tests.support import processes
from tests.support.waiting import until

KEY = "tr_prod_0123456789abcdef0123456789abcdef"


async def test_a_child_that_is_waited_for_is_locked_with_its_parent(tmp_path: Path):
    (tmp_path / "tasks").mkdir()
    shutil.copy(Path(__file__).with_name("shop.py"), tmp_path / "tasks")
    url = f"sqlite:///{tmp_path / 'perdure.db'}"
    with (
        processes.server(tmp_path, PERDURE_SECRET_KEY=KEY, PERDURE_DATABASE_URL=url) as server,
        processes.worker(tmp_path, server, key=KEY, log=tmp_path / "worker.log"),
    ):
        async with AsyncClient(server.url, KEY) as client:
            parent = (await client.trigger("waits_for_one")).id

            async def both() -> bool:
                return len([one async for one in client.runs.list(parent=parent)]) == 2

            await until(both, "both children are there")
            awaited, free = [one.id async for one in client.runs.list(parent=parent)]
            version = (await client.runs.retrieve(parent)).version
        async with await open_database(url) as db:
            rows = {row.id: row for row in await db.read(runs.of_ids, [awaited, free])}

    assert version
    assert (rows[awaited].locked_version, rows[awaited].is_locked_with_parent) == (version, 1)
    assert (rows[free].locked_version, rows[free].is_locked_with_parent) == ("", 0)
