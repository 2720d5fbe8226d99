"""The claims are project code: they are rewritten at import, as a user's modules are."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.resumable import install
from tests.resumable.kit.oracle import SPEC
from tests.resumable.kit.project import Folder, Project

install([SPEC])


@pytest.fixture(scope="module")
def collected() -> Iterator[None]:
    """What the tests of a module abandon is collected before another module can meet its complaints."""
    yield
    gc.collect()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty project of a user."""
    project = Project(tmp_path / "project")
    yield project
    project.close()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Folder]:
    """Somebody else's code, which nobody rewrites."""
    library = Folder(tmp_path / "library")
    yield library
    library.close()
