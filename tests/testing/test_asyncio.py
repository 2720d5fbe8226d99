"""In an async test the steps are awaited, and runs share its event loop."""

import asyncio
import gc
from typing import Any

import pytest

from perdure import Retry, RunFailed, ctx, task, wait
from perdure.core.lifecycle import Status
from perdure.testing import Harness, NotAwaited, NotEnded, NotInTest, RunStuck

ONCE = Retry(max_attempts=1)
LOOPS: list[Any] = []


@task(id="testing-async-asks", retry=ONCE)
async def asks() -> str:
    LOOPS.append(asyncio.get_running_loop())
    await wait.for_(days=30)
    return await wait.for_token(await wait.create_token(timeout="7d"))


@task(id="testing-async-answers", retry=ONCE)
async def answers() -> int:
    await wait.for_(hours=1)
    return 1


@task(id="testing-async-fails", retry=ONCE)
async def fails() -> None:
    raise KeyError("x")


@task(id="testing-moves-time", retry=ONCE)
async def moves_time() -> None:
    await CURRENT[-1].advance("1d")


CURRENT: list[Harness] = []


async def test_steps_are_awaited(perdure: Harness):
    run = await perdure.start(asks)
    assert run.status is Status.WAITING

    await perdure.advance("30d")
    await perdure.complete(data="yes")

    assert run.output == "yes"
    assert await run.result() == "yes"
    assert LOOPS[-1] is asyncio.get_running_loop()


async def test_a_run_may_be_awaited_to_its_end(perdure: Harness):
    run = await perdure.run(answers)

    assert run.output == 1
    assert await (await perdure.start(answers)).result() == 1
    assert (await (await perdure.start(answers)).finish()).output == 1


async def test_several_runs_may_be_awaited_together(perdure: Harness):
    runs = await asyncio.gather(*[perdure.run(answers) for _ in range(3)])

    assert [run.output for run in runs] == [1, 1, 1]


async def test_code_under_test_triggers_and_asks_for_results(perdure: Harness):
    handle = await answers.trigger()
    failing = await fails.trigger()

    assert await handle.result() == 1
    with pytest.raises(RunFailed, match="KeyError"):
        await failing.result()
    assert [run.status for run in perdure.runs] == [Status.COMPLETED, Status.FAILED]


async def test_a_stuck_run_is_told_here_too(perdure: Harness):
    run = await perdure.start(asks)

    with pytest.raises(RunStuck, match="waits for token"):
        await run.result()


async def test_a_step_that_was_not_awaited_is_told():
    with pytest.raises(NotAwaited, match=r"perdure\.advance\('1d'\) was not awaited"):
        async with Harness() as perdure:
            perdure.advance("1d")


async def test_the_output_of_a_run_that_was_not_awaited_says_so():
    perdure = Harness()
    perdure.__enter__()
    run = perdure.run(answers)

    with pytest.raises(NotEnded, match=r"It was not awaited: `run = await perdure\.run\(…\)`"):
        _ = run.output

    with pytest.raises(NotAwaited):
        perdure.__exit__(None, None, None)


async def test_what_blocks_is_refused_in_an_event_loop(perdure: Harness):
    run = await perdure.start(answers)
    handle = answers.trigger_sync()

    with pytest.raises(NotInTest, match="would block the event loop"):
        handle.result_sync()
    assert run.status is Status.WAITING


async def test_a_task_cant_move_the_time(perdure: Harness):
    CURRENT.append(perdure)

    run = await perdure.run(moves_time)

    assert isinstance(run.error, NotInTest)
    assert run.id in str(run.error)


async def test_a_stub_may_answer_a_token(perdure: Harness):
    perdure.stub(answers, lambda: perdure.complete(data="from the stub") and 5)

    @task(id="testing-asks-stub", retry=ONCE)
    async def asks_stub() -> list[Any]:
        token = await wait.create_token()
        number = await answers.trigger_and_wait()
        return [number, await wait.for_token(token)]

    assert (await perdure.run(asks_stub)).output == [5, "from the stub"]


async def test_runs_that_wait_in_memory_end_with_the_test():
    ended: list[str] = []

    async with Harness() as perdure:

        @task(id="testing-ends", retry=ONCE)
        async def ends() -> None:
            try:
                await wait.for_(days=1)
            except asyncio.CancelledError:
                ended.append(ctx.run.id)
                raise

        run = await perdure.start(ends)

    assert ended == [run.id]


def test_nothing_is_left_open():
    with Harness() as perdure:
        perdure.start(asks)
        perdure.run(answers)
    del perdure

    gc.collect()  # an unclosed loop, or a task that was destroyed, would warn here
