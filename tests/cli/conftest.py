import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Dev, dev

PROJECT = Path(__file__).parent / "project"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a project of a few tasks."""
    return copy_project(tmp_path)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """A folder with that project, and `perdure dev` in it."""
    with dev(copy_project(tmp_path_factory.mktemp("runs")), "--no-reload") as found:
        yield found


def copy_project(folder: Path) -> Path:
    return Path(shutil.copytree(PROJECT, folder / "shop", ignore=shutil.ignore_patterns("__pycache__")))
