"""Global hooks, queues and tasks end with the test that declares them."""

import logging
import sys
from collections.abc import Iterator

import pytest

from perdure.sdk import hooks, queues, registry


@pytest.fixture(autouse=True)
def _clean_globals() -> Iterator[None]:
    tasks, made = list(registry._declared), list(queues._declared)
    streams, handlers, level = (sys.stdout, sys.stderr), list(logging.root.handlers), logging.root.level
    registry._declared[:], queues._declared[:] = [], []
    yield
    registry._declared[:], queues._declared[:] = tasks, made
    sys.stdout, sys.stderr = streams
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    for kept in hooks.hooks.by_kind.values():
        kept.clear()
