"""Waits of tasks that are plain functions: they block, and the run is pinned meanwhile."""

import inspect
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from perdure import OutsideRun, WaitTimeout, task, wait
from perdure.core.clock import to_datetime
from perdure.sdk.attempt import Outcome
from perdure.sdk.wait import Wait as Face
from perdure.wire.waits import Answer, Wait
from perdure.wire.workers import Failed
from tests.sdk.host import Host, attempt, output

calls: list[int] = []


@task(id="blocking-until-true")
def until_third(timeout: float | None) -> int:
    calls.clear()
    return wait.until_true_sync(third, every="1m", timeout=timeout)


def third() -> int | None:
    calls.append(1)
    return len(calls) if len(calls) == 3 else None


async def later() -> bool:
    return True


@task(id="blocking-async-function")
def asks_async() -> bool:
    return wait.until_true_sync(later)


@dataclass
class Patient(Host):
    """A host on which the moment that is waited for comes at once."""

    def pinned(self, waits: list[Wait], reason: str) -> None:
        super().pinned(waits, reason)
        (found,) = waits
        assert found.until is not None
        self.clock.forward(found.until - to_datetime(self.clock.now()))
        self.parking.answer([Answer(kind=found.kind, subject=found.subject, until=found.until)])


def error_of(outcome: Outcome) -> str | None:
    assert isinstance(outcome, Failed), outcome
    return outcome.error.name


def test_every_wait_has_a_blocking_twin_that_says_what_it_keeps():
    names = [name for name, _ in inspect.getmembers(Face, inspect.isfunction) if not name.startswith("_")]
    first = [name for name in names if not name.endswith("_sync")]

    assert [name for name in first if f"{name.rstrip('_')}_sync" not in names] == []
    for name in ("for", "until", "until_true", "for_token", "for_approval"):
        assert "keeps its process" in (inspect.getdoc(getattr(Face, f"{name}_sync")) or "")


async def test_until_true_asks_again_after_each_pause():
    host = Patient()
    began = host.clock.now()

    assert await output(until_third, {"timeout": None}, host=host) == 3
    assert host.clock.now() - began == timedelta(minutes=2) / timedelta(milliseconds=1)
    assert len(host.pins) == 2


async def test_until_true_asks_for_the_last_time_at_its_end():
    assert await output(until_third, {"timeout": 90}, host=Patient()) == 3

    outcome = await attempt(until_third, {"timeout": 30}, host=Patient())
    assert error_of(outcome) == WaitTimeout.__name__
    assert len(calls) == 2


async def test_an_async_function_is_refused_by_name():
    outcome = await attempt(asks_async, host=Patient())

    assert isinstance(outcome, Failed)
    assert "later is async" in (outcome.error.message or "")


@pytest.mark.parametrize("misuse", [lambda: wait.until_true_sync(third), lambda: wait.for_approval_sync()])
def test_outside_a_plain_task_it_says_where_it_belongs(misuse: Any):
    with pytest.raises(OutsideRun, match="inside a task that is a plain def"):
        misuse()
