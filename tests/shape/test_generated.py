"""Modules that are written from others say what those say."""

import importlib.util
from types import ModuleType

import pytest

from tests.shape import source


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("blocking", source.ROOT / "scripts" / "blocking.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_blocking_client_is_that_for_asyncio(script: ModuleType):
    assert not script.stale(), "run ./dev gen"
