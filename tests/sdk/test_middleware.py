"""What middleware may do around an attempt."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from perdure import AbortRun, Local, task
from tests.sdk.host import failure, output


async def test_middleware_sees_the_tasks_error_and_may_put_another_in_its_place():
    seen: list[str] = []

    @task
    async def f() -> None:
        raise ValueError("raw")

    @f.middleware
    async def translate(call_next: Any) -> None:
        try:
            await call_next()
        except ValueError as error:
            seen.append(str(error))
            raise AbortRun("translated") from error

    outcome = await failure(f)

    assert (seen, outcome.error.message, outcome.retry.skip) == (["raw"], "translated", True)


async def test_middleware_that_swallows_the_error_does_not_hide_the_failure():
    @task
    async def f() -> None:
        raise ValueError("raw")

    @f.middleware
    async def quiet(call_next: Any) -> None:
        with suppress(ValueError):
            await call_next()

    assert (await failure(f)).error.message == "raw"


async def test_middleware_that_fails_after_the_task_fails_the_attempt():
    @task
    async def f() -> int:
        return 1

    @f.middleware
    async def commit(call_next: Any) -> None:
        await call_next()
        raise OSError("commit failed")

    assert (await failure(f)).error.message == "commit failed"


async def test_middleware_that_does_not_go_on_is_told_what_to_do():
    @task
    async def f() -> None: ...

    @f.middleware
    async def forgetful(call_next: Any) -> None: ...

    assert "must await call_next()" in ((await failure(f)).error.message or "")


async def test_middleware_hooks_and_task_share_locals_and_no_other_attempt_does():
    name: Local[str] = Local("name")
    seen: list[str] = []

    @task
    async def f(value: str) -> str:
        await asyncio.sleep(0)
        return name.get()

    @f.middleware
    async def given(payload: Any, call_next: Any) -> None:
        name.set(payload["value"])
        await call_next()

    @f.on_success
    def note() -> None:
        seen.append(name.get())

    assert await asyncio.gather(output(f, {"value": "a"}), output(f, {"value": "b"})) == ["a", "b"]
    assert sorted(seen) == ["a", "b"]
    with pytest.raises(LookupError, match="name"):
        name.get()
