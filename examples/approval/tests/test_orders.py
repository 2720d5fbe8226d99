"""What the order does, without a server: two days and a manager in a few milliseconds."""

import pytest
from tasks.orders import LEDGER, Order, bill, process_order, ship


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def effects() -> list[str]:
    """Return what reached the outside world."""
    return [line.split()[1] for line in LEDGER.read_text().splitlines()]


def test_an_approved_order_is_shipped_and_billed(perdure):
    run = perdure.start(process_order, Order(id="o1", amount=9.9))
    assert [one.key for one in run.checkpoints] == ["begun"]

    perdure.advance("2s")
    perdure.approve(by="Ann")
    run.finish()

    assert run.output.approved_by == "Ann"
    assert run.output.invoice == "invoice of o1: 9.90"
    assert effects() == ["begun", "shipped", "billed"]


def test_a_declined_order_is_neither_shipped_nor_billed(perdure):
    run = perdure.start(process_order, Order(id="o1", amount=9.9))

    perdure.advance("2s")
    perdure.decline(reason="too much")

    assert run.output is None
    assert effects() == ["begun", "declined"]


def test_the_order_waits_a_week_for_its_manager(perdure):
    run = perdure.start(process_order.options(max_attempts=1), Order(id="o1", amount=9.9))

    perdure.advance("6d")
    assert run.status == "WAITING"
    perdure.advance("2d")

    assert run.status == "FAILED"
    assert perdure.runs_of(ship) == []


def test_a_retry_begins_after_the_checkpoint(perdure):
    answers = iter([ConnectionError("the printer is out of paper"), "an invoice"])

    def printed(order: str, amount: float) -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    perdure.stub(bill, printed)
    run = perdure.start(process_order, Order(id="o1", amount=9.9))
    for _ in range(2):
        perdure.advance("5s")
        perdure.approve()
    run.finish()

    assert run.output.invoice == "an invoice"
    assert len(run.attempts) == 2
    assert effects().count("begun") == 1
