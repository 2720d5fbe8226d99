"""Tokens in the harness are answered by the test, and otherwise as a server's are."""

from datetime import timedelta

import pytest
from pydantic import BaseModel

from perdure import (
    AnswerInvalid,
    Approval,
    BadOption,
    NotFound,
    Retry,
    Token,
    WaitTimeout,
    ctx,
    gather,
    logger,
    race,
    task,
    wait,
)
from perdure.core.lifecycle import Status
from perdure.testing import Harness, NoSuchToken, OpenToken, RunStuck

ONCE = Retry(max_attempts=1)


class Answer(BaseModel):
    yes: bool


@task(id="testing-asks", retry=ONCE)
async def asks(tag: str = "a", timeout: str = "7d") -> bool:
    token = await wait.create_token(timeout=timeout, tags=[tag])
    logger.info(token.url)
    return (await wait.for_token(token, Answer)).yes


@task(id="testing-approval", retry=ONCE)
async def approval() -> Approval:
    return await wait.for_approval(tell)


def tell(token: Token) -> None:
    logger.info(token.id)


@task(id="testing-either", retry=ONCE)
async def either() -> str:
    token = await wait.create_token(timeout="30d")
    return await race(wait.for_token(token), late())


async def late() -> str:
    await wait.for_(days=2)
    return "late"


@task(id="testing-same-token", retry=ONCE)
async def same() -> tuple[str, str, bool]:
    key = ctx.idempotency_key("approval")
    one = await wait.create_token(idempotency_key=key)
    other = await wait.create_token(idempotency_key=key)
    return one.id, other.id, other.is_cached


@task(id="testing-two-answers", retry=ONCE)
async def two() -> list[str]:
    first, second = [await wait.create_token(tags=[tag]) for tag in ("first", "second")]
    return await gather(wait.for_token(first), wait.for_token(second))


def test_a_token_is_completed_by_hand(perdure: Harness):
    run = perdure.start(asks)

    (token,) = perdure.tokens
    perdure.complete(token, Answer(yes=True))

    assert run.output is True
    assert token.tasks == ("testing-asks",)
    assert perdure.tokens == []
    assert [one.kind for one in run.waits] == ["token"]


@pytest.mark.parametrize("how", ["id", "url", "predicate", "only one"])
def test_a_token_is_named_in_many_ways(perdure: Harness, how: str):
    run = perdure.start(asks, "mine")
    other = None if how == "only one" else perdure.start(asks, "other")
    token = next(token for token in perdure.tokens if token.tags == ("mine",))
    ways = {"id": token.id, "url": token.url, "predicate": lambda one: "mine" in one.tags}

    perdure.complete(ways.get(how), {"yes": False})

    assert run.output is False
    assert other is None or other.status is Status.WAITING


def test_the_first_answer_counts(perdure: Harness):
    run = perdure.start(asks)
    (token,) = perdure.tokens

    perdure.complete(token, {"yes": True})
    perdure.complete(token, {"yes": False})

    assert run.output is True


def test_an_answer_that_does_not_fit_is_the_runs_error(perdure: Harness):
    run = perdure.start(asks)

    perdure.complete(data={"yes": "perhaps"})

    assert isinstance(run.error, AnswerInvalid)
    assert run.status is Status.FAILED


def test_a_token_that_nobody_answers_in_time_ends_the_wait(perdure: Harness):
    run = perdure.start(asks)

    perdure.advance("6d")
    assert run.status is Status.WAITING
    perdure.advance("1d")

    assert isinstance(run.error, WaitTimeout)
    assert perdure.tokens == []


def test_a_run_that_waits_for_a_token_never_hangs_the_test(perdure: Harness):
    with pytest.raises(RunStuck) as caught:
        perdure.run(asks)

    (token,) = perdure.tokens
    told = str(caught.value)
    assert f"waits for token {token.id} (tags a), which nobody has completed" in told
    assert "perdure.complete(data=…)" in told
    assert "perdure.advance('7d')" in told


def test_a_token_that_does_not_exist_is_named(perdure: Harness):
    @task(id="testing-foreign-token")
    async def foreign() -> None:
        await wait.for_token("waitpoint_1")

    with pytest.raises(RunStuck, match="token waitpoint_1, which was not made in this test"):
        perdure.run(foreign)
    with pytest.raises(NotFound, match="waitpoint token waitpoint_1"):
        perdure.complete("waitpoint_1")


def test_another_branch_that_goes_on_by_itself_needs_no_answer(perdure: Harness):
    begun = perdure.now

    run = perdure.run(either)

    assert run.output == "late"
    assert perdure.now - begun == timedelta(days=2)


def test_an_approval_says_who_and_why(perdure: Harness):
    yes, no = perdure.start(approval), perdure.start(approval)

    perdure.approve(lambda token: token.id == yes.messages[0], by="Ann")
    perdure.decline(reason="too much")

    assert yes.output == Approval(True, by="Ann")
    assert no.output == Approval(False, reason="too much")


def test_a_key_gives_the_same_token(perdure: Harness):
    first, second, is_cached = perdure.run(same).output

    assert (first == second, is_cached) == (True, True)


def test_one_answer_of_two_is_kept_until_the_other_comes(perdure: Harness):
    run = perdure.start(two)

    perdure.complete(lambda token: "second" in token.tags, "2")
    assert run.status is Status.WAITING
    perdure.complete(data="1")

    assert run.output == ["1", "2"]


def test_what_token_is_meant_is_asked_for(perdure: Harness):
    with pytest.raises(NoSuchToken, match="none is open"):
        perdure.complete()

    perdure.start(asks, "a")
    perdure.start(asks, "b")

    with pytest.raises(
        NoSuchToken, match=r"say which by its id or a predicate: waitpoint_.* of testing-asks"
    ):
        perdure.complete(data=1)
    with pytest.raises(NoSuchToken, match="these are open: waitpoint_"):
        perdure.complete(lambda token: "c" in token.tags)
    with pytest.raises(BadOption, match="the answer goes into data="):
        perdure.complete({"yes": True})  # type: ignore[arg-type]


def test_a_token_outside_of_runs_is_listed_too(perdure: Harness):
    token = wait.create_token_sync(timeout="1h", tags="web")

    (listed,) = wait.list_tokens_sync(tags=["web"])
    assert isinstance(perdure.tokens[0], OpenToken)
    perdure.complete(token, 7)

    assert (listed.id, listed.status) == (token.id, "WAITING")
    shown = wait.retrieve_token_sync(token)
    assert (shown.status, shown.output, shown.completed_by) == ("COMPLETED", "7", "callback")


def test_a_timeout_of_nothing_is_refused_as_by_a_server(perdure: Harness):
    with pytest.raises(BadOption, match="timeout"):
        wait.create_token_sync(timeout=0)
