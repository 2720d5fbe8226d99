"""`kill -9` at every moment of an order that waits for a person, its approval and its children.

What a body did after its last stored state may be done again when its worker is killed; what came before
never; what the server has heard of is not lost, whoever is killed.  The order may fail no attempt at all, so
a kill costs none.
"""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.crash.approval import Lane, Left, Victim, lane
from tests.crash.moments import MOMENTS, Moment
from tests.support.databases import PostgresDatabases

SHOPS = 5
"""So many are open at once: an order mostly waits."""

ONCE = {"begun": 1, "shipped": 1, "billed": 1}
DONE_AGAIN = {
    "begun, checkpoint not stored": {"begun": 2},
    "shipped, not stored": {"shipped": 2},
    "billed, child not parked": {"billed": 2},
}
"""What the killed worker had done, and could not say."""

RECEIPT = {
    "order": "o1",
    "approved_by": "Ada",
    "parcel": "parcel of o1",
    "invoice": "invoice of o1: 99.50",
}

pytestmark = pytest.mark.slow


def expected(moment: Moment, victims: tuple[Victim, ...]) -> Left:
    again = DONE_AGAIN.get(moment.name, {}) if "worker" in victims else {}
    return Left("COMPLETED", RECEIPT, ONCE | again, tokens=1, children=2)


async def kill_at(moment: Moment, shop: Lane, victims: tuple[Victim, ...]) -> Left:
    """Bring an order to a moment, kill, start what was killed again, and return what the order leaves."""
    with ExitStack() as gates:
        await moment.reach(shop, gates)
        await shop.kill(*victims)
    await shop.start(*victims)
    return await shop.end()


async def kill_at_each(victims: tuple[Victim, ...], folder: Path, urls: Sequence[str]) -> dict[str, Left]:
    """Go through all moments, in one shop for each database."""
    left: dict[str, Left] = {}

    async def work(number: int, url: str) -> None:
        async with lane(folder / str(number), url) as shop:
            for moment in MOMENTS[number :: len(urls)]:
                left[moment.name] = await kill_at(moment, shop, victims)

    async with asyncio.TaskGroup() as shops:
        for number, url in enumerate(urls):
            shops.create_task(work(number, url))
    return left


@pytest.fixture
def urls(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> list[str]:
    """Databases without tables."""
    if dialect == "sqlite":
        return [f"sqlite:///{tmp_path / f'{number}.db'}" for number in range(SHOPS)]
    databases: PostgresDatabases = request.getfixturevalue("durable_databases")
    return [databases.create() for _ in range(SHOPS)]


@pytest.mark.parametrize("victims", [("worker",), ("server",), ("server", "worker")], ids="+".join)
def test_an_order_survives_a_kill_at_each_moment(
    victims: tuple[Victim, ...], tmp_path: Path, urls: list[str]
):
    left = asyncio.run(kill_at_each(victims, tmp_path, urls))

    assert left == {moment.name: expected(moment, victims) for moment in MOMENTS}
