"""One attempt: middleware, hooks, errors, in the order that the module says."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from perdure import (
    AbortRun,
    BadOption,
    Retry,
    RetryAt,
    RetryIn,
    RunCanceled,
    SkipRetry,
    ctx,
    hooks,
    task,
)
from perdure.wire.manifests import RetryPolicy
from perdure.wire.values import ErrorCode
from perdure.wire.workers import RetryChoice, Succeeded
from tests.sdk.host import Host, attempt, failure, output


async def test_an_async_task_returns_its_output():
    @task
    async def double(n: int) -> int:
        await asyncio.sleep(0)
        return n * 2

    outcome = await attempt(double, {"n": 21})

    assert isinstance(outcome, Succeeded)
    assert (outcome.run_id, outcome.fence, outcome.output) == ("run_1", 7, "42")


async def test_a_blocking_task_returns_its_output():
    @task
    def double(n: int) -> int:
        return n * 2

    assert await output(double, {"n": 21}) == 42


async def test_a_function_that_returns_a_coroutine_is_awaited():
    async def inner() -> int:
        return 1

    @task
    def outer():
        return inner()

    assert await output(outer) == 1


async def test_an_error_is_told_with_the_users_part_of_the_stack_and_its_causes():
    @task
    async def broken() -> None:
        try:
            {}["key"]  # type: ignore[index]
        except KeyError as error:
            raise ValueError("no such key") from error

    told = (await failure(broken)).error

    assert (told.type, told.name, told.message) == ("BUILT_IN_ERROR", "ValueError", "no such key")
    assert "test_attempt.py" in (told.stack_trace or "")
    assert "sdk/attempt.py" not in (told.stack_trace or "")
    assert [cause.name for cause in told.causes or []] == ["KeyError"]


async def test_an_exception_without_a_message_of_its_own_does_not_break_the_report():
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    @task
    async def broken() -> None:
        raise Odd

    assert (await failure(broken)).error.name == "Odd"


async def test_abort_run_asks_for_no_other_attempt():
    @task
    async def hopeless() -> None:
        raise AbortRun("no use")

    outcome = await failure(hopeless)

    assert (outcome.retry.skip, outcome.error.name, outcome.error.message) == (True, "AbortRun", "no use")


async def test_a_payload_that_does_not_fit_fails_without_retry_and_names_the_field():
    ran = []

    @task
    async def f(a: int) -> None:
        ran.append(a)

    @f.on_failure
    def note(error: Exception) -> None:
        ran.append(type(error).__name__)

    outcome = await failure(f, {"a": "x"})

    assert (outcome.error.code, outcome.retry.skip, ran) == (ErrorCode.BAD_INPUT, True, ["PayloadInvalid"])
    assert "a: Input should be a valid integer" in (outcome.error.message or "")


async def test_a_child_that_is_triggered_wrongly_is_an_error_like_any_other():
    @task
    async def child(n: int) -> None: ...

    @task
    async def parent() -> None:
        await child.trigger("x")  # type: ignore[arg-type]

    outcome = await failure(parent)

    assert (outcome.error.type, outcome.error.name, outcome.retry.skip) == (
        "BUILT_IN_ERROR",
        "PayloadInvalid",
        False,
    )


async def test_a_result_that_is_no_json_fails_without_retry():
    @task
    async def f() -> Any:
        return object()

    outcome = await failure(f)

    assert (outcome.error.code, outcome.retry.skip) == (ErrorCode.BAD_OUTPUT, True)


def traced(order: list[str]) -> Any:
    """Declare a task, and hooks of every kind for it and for all, that note when they run."""

    @task(id="traced", retry=Retry(max_attempts=2))
    async def f(error: str | None = None) -> str:
        order.append("task")
        if error:
            raise ValueError(error)
        return "done"

    for where, of in (("global", hooks), ("own", f)):

        async def around(call_next: Any, where: str = where) -> None:
            order.append(f"{where} before")
            try:
                await call_next()
            finally:
                order.append(f"{where} after")

        of.middleware(around)
        for kind in (
            "on_start_attempt",
            "on_success",
            "catch_error",
            "on_failure",
            "on_complete",
            "on_cancel",
        ):

            def note(kind: str = kind, where: str = where) -> None:
                order.append(f"{where} {kind}")

            getattr(of, kind)(note)
    return f


async def test_the_order_of_success():
    order: list[str] = []

    await output(traced(order), {})

    assert order == [
        "global before", "own before", "global on_start_attempt", "own on_start_attempt", "task",
        "global on_success", "own on_success", "global on_complete", "own on_complete",
        "own after", "global after",
    ]  # fmt: skip


async def test_the_order_of_a_failure_that_is_tried_again():
    order: list[str] = []

    await failure(traced(order), {"error": "x"}, attempt=1, max_attempts=2)

    assert order == [
        "global before", "own before", "global on_start_attempt", "own on_start_attempt", "task",
        "own catch_error", "global catch_error", "own after", "global after",
    ]  # fmt: skip


async def test_the_order_of_the_last_failure():
    order: list[str] = []

    await failure(traced(order), {"error": "x"}, attempt=2, max_attempts=2)

    assert order[5:] == [
        "own catch_error", "global catch_error", "global on_failure", "own on_failure",
        "global on_complete", "own on_complete", "own after", "global after",
    ]  # fmt: skip


async def test_a_cancel_runs_its_hooks_and_no_others():
    order: list[str] = []
    f = traced(order)
    host = Host()

    @f.on_start_attempt
    async def stop() -> None:
        host.canceled = True
        raise RunCanceled

    with pytest.raises(RunCanceled):
        await attempt(f, {}, host=host)

    assert order[4:] == ["global on_cancel", "own on_cancel", "own after", "global after"]


async def test_a_canceled_coroutine_runs_its_cancel_hooks():
    order: list[str] = []
    host = Host()
    begun = asyncio.Event()

    @task(on_cancel=lambda: order.append("on_cancel"))
    async def sleeper() -> None:
        begun.set()
        await asyncio.Event().wait()

    running = asyncio.ensure_future(attempt(sleeper, host=host))
    await begun.wait()
    host.canceled = True
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert order == ["on_cancel"]


async def test_hooks_are_given_what_they_name():
    seen: dict[str, Any] = {}

    @task
    async def f(a: int, b: int = 2) -> int:
        return a + b

    @f.on_success
    async def all_of_it(payload: Any, output: int, ctx: Any) -> None:
        seen.update(payload=payload, output=output, run=ctx.run.id)

    @f.on_complete
    def ended(result: Any, **rest: Any) -> None:
        seen.update(ok=result.ok, rest=sorted(rest))

    await output(f, {"a": 1})

    assert seen == {
        "payload": {"a": 1},
        "output": 3,
        "run": "run_1",
        "ok": True,
        "rest": ["ctx", "output", "payload"],
    }


def test_a_hook_that_wants_what_no_hook_is_given_is_refused():
    @task
    async def f() -> None: ...

    with pytest.raises(BadOption, match="run_id"):

        @f.on_success
        def hook(run_id: str) -> None: ...


@pytest.mark.parametrize("kind", ["on_success", "on_complete"])
async def test_an_error_after_the_task_is_logged_and_changes_nothing(kind: str):
    host = Host()

    @task
    async def f() -> int:
        return 1

    @getattr(f, kind)
    def bad() -> None:
        raise ValueError("hook broke")

    assert await output(f, host=host) == 1
    ((level, message, source),) = host.lines
    assert (level, source) == ("error", "perdure")
    assert "ValueError: hook broke" in message


async def test_an_error_in_on_start_attempt_fails_the_attempt():
    @task
    async def f() -> None: ...

    @f.on_start_attempt
    def bad() -> None:
        raise ValueError("not now")

    assert (await failure(f)).error.message == "not now"


MOMENT = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answer", "choice"),
    [
        (None, RetryChoice()),
        (SkipRetry(), RetryChoice(skip=True)),
        (RetryAt(MOMENT), RetryChoice(at=MOMENT)),
        (RetryIn("1m"), RetryChoice(delay_ms=60_000)),
        (Retry(max_attempts=9), RetryChoice(policy=RetryPolicy(max_attempts=9))),
    ],
)
async def test_catch_error_decides(answer: Any, choice: RetryChoice):
    @task(catch_error=lambda error: answer)
    async def f() -> None:
        raise ValueError

    assert (await failure(f)).retry == choice


@pytest.mark.parametrize("answer", [RetryAt(datetime(2026, 1, 1)), "later"])  # noqa: DTZ001
async def test_a_catch_error_that_breaks_ends_the_run(answer: Any):
    @task(catch_error=lambda: answer)
    async def f() -> None:
        raise ValueError

    outcome = await failure(f)

    assert (outcome.how, outcome.error.code) == ("crash", ErrorCode.CATCH_ERROR)


async def test_ctx_is_there_during_the_attempt_and_gone_after():
    @task
    async def f() -> list[Any]:
        return [
            ctx.run.id,
            ctx.attempt.number,
            ctx.task.id,
            ctx.environment.slug,
            ctx.worker.version,
            bool(ctx),
        ]

    assert await output(f, attempt=2) == ["run_1", 2, "f", "dev", "20261121.1", True]
    assert not ctx
