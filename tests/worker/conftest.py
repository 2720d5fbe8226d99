"""A project of ill-behaved tasks, and one zygote that has imported it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.driver import ExecutorDriver, ZygoteDriver, zygote

TASKS = Path(__file__).parent / "tasks.py"


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "perdure.toml").write_text('project = "tests"\n')
    (root / "tasks").mkdir()
    shutil.copy(TASKS, root / "tasks" / "bad.py")
    return root


@pytest.fixture(scope="session")
def only_zygote(project: Path) -> Iterator[ZygoteDriver]:
    with zygote(project) as driver:
        yield driver


@pytest.fixture
def forking(only_zygote: ZygoteDriver) -> Iterator[ZygoteDriver]:
    """The zygote that tests share; one that ends it must start its own."""
    yield only_zygote
    only_zygote.close_executors()


@pytest.fixture
def executor(forking: ZygoteDriver) -> ExecutorDriver:
    """A new executor."""
    return forking.executor()
