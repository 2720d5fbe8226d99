"""Plain functions run in a thread, and their waits block it."""

import threading
import time
from pathlib import Path

import pytest

from perdure import Retry, RunCanceled, RunFailed, logger, task, wait
from perdure.core.lifecycle import Status
from perdure.testing import Harness

ONCE = Retry(max_attempts=1)
ENDED: list[str] = []


@task(id="testing-plain", retry=Retry(max_attempts=2, min_timeout="5s"))
def plain(name: str) -> str:
    wait.for_sync(days=30)
    token = wait.create_token_sync(timeout="1d", tags=[name])
    answer = wait.for_token_sync(token)
    print(f"answer {answer}")
    logger.info(threading.current_thread().name)
    return f"{name}: {answer} {child.trigger_and_wait_sync(2)}"


@task(id="testing-plain-child", retry=ONCE)
def child(number: int) -> int:
    handle = grandchild.trigger_sync(number)
    return handle.result_sync() + 1


@task(id="testing-plain-grandchild", retry=ONCE)
async def grandchild(number: int) -> int:
    await wait.for_(hours=1)
    return number * 10


@task(id="testing-plain-fails", retry=ONCE)
def fails(path: Path) -> str:
    return path.read_text()


@task(id="testing-plain-waits", retry=ONCE)
def waits() -> None:
    try:
        wait.for_sync(days=1)
    except RunCanceled:
        ENDED.append("waits")
        raise


@task(id="testing-plain-spins", max_duration=0.05, retry=ONCE)
def spins() -> None:
    while True:
        time.sleep(0.001)


def test_a_plain_task_waits_in_its_thread(perdure: Harness):
    run = perdure.start(plain, "a")
    perdure.advance("30d")
    perdure.complete(data=1)
    run.finish()

    assert run.output == "a: 1 21"
    assert run.messages[1:] == ["answer 1", f"perdure {run.id}"]
    assert [(one.kind, one.is_parked) for one in run.waits] == [
        ("time", False),
        ("token", False),
        ("run", False),
    ]


async def test_a_plain_task_has_a_thread_in_an_async_test_too(perdure: Harness):
    run = await perdure.start(plain, "b")
    await perdure.advance("30d")
    await perdure.complete(data=2)

    assert await run.result() == "b: 2 21"


def test_its_error_is_at_hand(perdure: Harness, tmp_path: Path):
    run = perdure.run(fails, tmp_path / "nothing")

    assert isinstance(run.error, FileNotFoundError)
    with pytest.raises(RunFailed, match="FileNotFoundError"):
        _ = run.output


def test_it_is_canceled_where_it_waits(perdure: Harness):
    ENDED.clear()
    run = perdure.start(waits)

    perdure.cancel(run)

    assert (run.status, ENDED) == (Status.CANCELED, ["waits"])


def test_its_time_is_limited_too(perdure: Harness):
    assert perdure.run(spins).status is Status.TIMED_OUT


def test_its_thread_ends_with_the_test():
    ENDED.clear()
    with Harness() as perdure:
        run = perdure.start(waits)
        (thread,) = [one for one in threading.enumerate() if one.name == f"perdure {run.id}"]

    thread.join(10)
    assert (thread.is_alive(), ENDED) == (False, ["waits"])
