"""A server with the project of tasks that wait; what the official client's cases tell."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import official_client
from tests.support.official_client import Told
from tests.worker.world import World, opened

TASKS = Path(__file__).with_name("waiting.py")


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    async with opened(tmp_path, database_url, TASKS) as world:
        yield world


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def everything(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each of the module's `CASES` told, on one kind of database."""
    return official_client.told_by(request.module.CASES, request, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def told(everything: dict[str, Any]) -> Told:
    """Return what a case told."""

    def look(case: str) -> Any:
        assert "value" in everything[case], everything[case]["error"]
        return everything[case]["value"]

    return look


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    """The file in which tasks leave what they have done."""
    return tmp_path / "effects"
