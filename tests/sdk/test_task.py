"""Tasks: how they are declared, what the server is told of them, and what a trigger gives back."""

from collections.abc import Iterator
from typing import Any

import pytest

from perdure import (
    BadDuration,
    BadOption,
    PerdureError,
    Retry,
    Task,
    UnknownOption,
    queue,
    task,
)
from perdure.sdk import registry


def test_the_id_is_the_functions_name_unless_it_is_given():
    @task
    async def plain() -> None: ...

    @task(id="own id")
    def named() -> None: ...

    assert [(t.id, t.is_async) for t in (plain, named)] == [("plain", True), ("own id", False)]


def test_a_task_looks_like_its_function():
    @task
    async def documented(a: int) -> int:
        """Says what it does."""
        return a

    assert (documented.__name__, documented.__doc__) == ("documented", "Says what it does.")


async def test_a_task_is_called_inline_as_its_function():
    @task
    async def double(n: int) -> int:
        return n * 2

    @task
    def triple(n: int) -> int:
        return n * 3

    assert (await double(2), triple(2)) == (4, 6)


def test_the_manifest_says_all_that_was_declared():
    mail = queue("mail", concurrency_limit=5)

    @task(
        id="send",
        queue=mail,
        retry=Retry(max_attempts=5, factor=3, min_timeout="2s", max_timeout="1m", randomize=False),
        machine="small-2x",
        max_duration="1h30m",
        ttl="10m",
        isolation="fresh",
    )
    async def send(to: str) -> None:
        """Send a mail."""

    told = send.manifest()

    assert (told.id, told.name, told.description) == ("send", send.__qualname__, "Send a mail.")
    assert (told.queue.name, told.queue.concurrency_limit) == ("mail", 5)
    assert (told.retry.max_attempts, told.retry.factor, told.retry.min_timeout_ms) == (5, 3, 2000)
    assert (told.retry.max_timeout_ms, told.retry.randomize) == (60_000, False)
    assert (told.machine, told.max_duration, told.ttl_ms, told.isolation) == (
        "small-2x",
        5400,
        600_000,
        "fresh",
    )
    assert told.payload_schema["required"] == ["to"]


def test_a_task_without_a_queue_has_its_own():
    @task(id="a", concurrency_limit=2)
    def a() -> None: ...

    @task(id="b", queue="shared")
    def b() -> None: ...

    queues = [t.manifest().queue for t in (a, b)]
    assert [(q.name, q.concurrency_limit) for q in queues] == [("task/a", 2), ("shared", None)]


@pytest.mark.parametrize(
    ("declaration", "error", "told"),
    [
        ({"retries": 3}, UnknownOption, "did you mean retry"),
        ({"machine": "huge"}, BadOption, "machine"),
        ({"isolation": "vm"}, BadOption, "isolation"),
        ({"max_duration": "long"}, BadDuration, "long"),
        ({"id": ""}, BadOption, "id"),
        ({"queue": "a", "concurrency_limit": 1}, BadOption, "concurrency_limit"),
    ],
)
def test_a_declaration_that_can_not_be_is_refused(declaration: Any, error: type[PerdureError], told: str):
    with pytest.raises(error, match=told):

        @task(**declaration)
        def f() -> None: ...


def test_a_generator_is_no_task():
    with pytest.raises(BadOption, match="without yield"):

        @task
        def f() -> Iterator[int]:
            yield 1


@pytest.mark.parametrize(("name", "limit"), [("", 1), ("x" * 129, 1), ("ok", -1), ("ok", 100_001)])
def test_a_queue_that_can_not_be_is_refused(name: str, limit: int):
    with pytest.raises(BadOption):
        queue(name, limit)


def test_a_reloaded_task_takes_the_place_of_the_old_one():
    def declare() -> Task[..., Any]:
        @task(id="again")
        def f() -> None: ...

        return f

    declare()
    latest = declare()

    assert [t for t in registry.declared() if t.id == "again"] == [latest]


def test_an_unknown_trigger_option_is_told_with_the_nearest():
    @task
    async def f() -> None: ...

    with pytest.raises(UnknownOption, match="did you mean delay"):
        f.options(dely="1h")  # type: ignore[call-arg]
