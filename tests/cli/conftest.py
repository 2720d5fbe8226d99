import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent / "project"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a project of a few tasks."""
    return copy_project(tmp_path)


def copy_project(folder: Path) -> Path:
    return Path(shutil.copytree(PROJECT, folder / "shop", ignore=shutil.ignore_patterns("__pycache__")))
