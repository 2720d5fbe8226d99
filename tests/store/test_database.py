"""What both databases promise: the same tests on both."""

import asyncio
from dataclasses import dataclass

import pytest

from perdure.core.errors import Unstorable
from perdure.core.storage_errors import (
    ConstraintViolated,
    DatabaseUnavailable,
    NoSuchRow,
    StatementInvalid,
    TransactionSuspended,
)
from perdure.store.database import Database, Row, Tx


@dataclass(frozen=True)
class Item:
    id: str
    amount: int


async def put(tx: Tx, id: str, amount: int = 1) -> int:
    return await tx.run("put_simple", id=id, amount=amount)


async def items(tx: Tx) -> list[Item]:
    return [Item(*row) for row in await tx.all("items")]


async def item(tx: Tx, id: str) -> Row | None:
    return await tx.maybe("item", id=id)


async def test_a_committed_transaction_is_seen_by_readers(shelf: Database):
    changed = await shelf.transact(put, "a", amount=3)

    assert changed == 1
    assert await shelf.read(items) == [Item("a", 3)]


async def test_a_transaction_that_raises_leaves_nothing(shelf: Database):
    async def put_and_fail(tx: Tx) -> None:
        await put(tx, "a")
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await shelf.transact(put_and_fail)

    assert await shelf.read(items) == []


@pytest.mark.parametrize("error", [RuntimeError("gone"), StopAsyncIteration(), SystemExit(3)])
async def test_any_error_of_a_transaction_reaches_its_caller(shelf: Database, error: BaseException):
    async def fail(tx: Tx) -> None:
        await put(tx, "a")
        raise error

    with pytest.raises(type(error)) as raised:
        await shelf.transact(fail)

    assert raised.value is error
    assert await shelf.read(items) == []


async def test_a_transaction_that_fails_does_not_disturb_those_beside_it(shelf: Database):
    async def put_or_fail(tx: Tx, number: int) -> int:
        await put(tx, f"{number:03}", amount=number)
        if number % 3 == 0:
            raise LookupError(number)
        return number

    answers = await asyncio.gather(
        *(shelf.transact(put_or_fail, number) for number in range(100)), return_exceptions=True
    )

    kept = [number for number in range(100) if number % 3]
    assert [answer for answer in answers if isinstance(answer, int)] == kept
    assert [found.amount for found in await shelf.read(items)] == kept


async def test_a_transaction_sees_its_own_writes(shelf: Database):
    async def put_and_look(tx: Tx) -> list[Item]:
        await put(tx, "a")
        return await items(tx)

    assert await shelf.transact(put_and_look) == [Item("a", 1)]


async def test_a_broken_constraint_names_the_statement(shelf: Database):
    await shelf.transact(put, "a")

    with pytest.raises(ConstraintViolated, match="put_simple") as raised:
        await shelf.transact(put, "a")

    assert raised.value.code == "constraint_violated"


async def test_one_row_or_an_error(shelf: Database):
    async def the_item(tx: Tx, id: str) -> Row:
        return await tx.one("item", id=id)

    await shelf.transact(put, "a")

    assert (await shelf.read(the_item, "a"))["id"] == "a"
    with pytest.raises(NoSuchRow, match="'b'"):
        await shelf.read(the_item, "b")
    assert await shelf.read(item, "b") is None


async def test_several_rows_where_one_is_asked_for_are_an_error(shelf: Database):
    async def the_item(tx: Tx) -> Row:
        return await tx.one("items")

    await shelf.transact(put, "a")
    await shelf.transact(put, "b")

    with pytest.raises(StatementInvalid, match="2 rows where one was asked for"):
        await shelf.read(the_item)


async def test_values_come_back_as_they_went_in(shelf: Database):
    values = {
        "id": "☃ it's",
        "amount": 2**62,
        "note": '{"json": "\\u0000"}',
        "picture": bytes(range(256)),
        "weight": 0.1,
    }

    async def put_everything(tx: Tx) -> None:
        await tx.run("put", **values)

    await shelf.transact(put_everything)

    row = await shelf.read(item, values["id"])
    assert row is not None
    assert {key: row[key] for key in row.keys()} == values  # noqa: SIM118 -- a row iterates over its values
    assert dict(**row) == values
    assert tuple(row) == tuple(values.values())


async def test_a_value_of_the_wrong_type_is_refused(shelf: Database):
    with pytest.raises((StatementInvalid, ConstraintViolated), match="put_simple"):
        await shelf.transact(put, "a", amount="many")  # pyright: ignore[reportArgumentType]


async def test_rows_in_one_statement(shelf: Database):
    async def put_all(tx: Tx, ids: str) -> list[str]:
        rows = [
            {"id": id, "amount": place, "note": None, "weight": place / 3} for place, id in enumerate(ids)
        ]
        return sorted(row["id"] for row in await tx.all("put_all", items=rows))

    assert await shelf.transact(put_all, "abc") == ["a", "b", "c"]
    assert await shelf.transact(put_all, "bcd") == ["d"]
    assert await shelf.transact(put_all, "") == []
    row = await shelf.read(item, "c")
    assert row is not None
    assert (row["note"], row["weight"]) == (None, 2 / 3)


async def test_an_update_from_rows_counts_what_it_changed(shelf: Database):
    async def set_amounts(tx: Tx) -> int:
        return await tx.run("set_amounts", items=[{"id": "a", "amount": 7}, {"id": "?", "amount": 8}])

    await shelf.transact(put, "a")

    assert await shelf.transact(set_amounts) == 1
    assert await shelf.read(items) == [Item("a", 7)]


async def test_a_statement_that_begins_with_with_counts_what_it_changed(shelf: Database):
    async def take(tx: Tx) -> int:
        return await tx.run("take", ids=["a", "b", "x"], most=5)

    await shelf.transact(put, "a", amount=3)
    await shelf.transact(put, "b", amount=9)
    await shelf.transact(put, "c", amount=9)

    assert await shelf.transact(take) == 2
    assert await shelf.read(items) == [Item("a", 0), Item("b", 4), Item("c", 9)]


async def test_a_list_of_integers(shelf: Database):
    async def with_amounts(tx: Tx, *amounts: int) -> list[str]:
        return [row["id"] for row in await tx.all("items_with_amounts", amounts=list(amounts))]

    for amount, id in enumerate("abc"):
        await shelf.transact(put, id, amount=amount)

    assert await shelf.read(with_amounts, 0, 2, 5) == ["a", "c"]
    assert await shelf.read(with_amounts) == []


async def test_many_returns_the_rows_in_order(shelf: Database):
    async def put_many(tx: Tx, ids: str) -> list[str]:
        rows = await tx.many("put_returning", [{"id": id, "amount": 1} for id in ids])
        return [row["id"] for row in rows]

    assert await shelf.transact(put_many, "cab") == ["c", "a", "b"]
    assert await shelf.transact(put_many, "") == []


async def test_run_counts_the_rows_of_a_statement_that_returns_them(shelf: Database):
    async def put_returning(tx: Tx) -> int:
        return await tx.run("put_returning", id="a", amount=1)

    assert await shelf.transact(put_returning) == 1


async def test_many_without_returning_gives_no_rows(shelf: Database):
    async def put_many(tx: Tx) -> list[Row]:
        return await tx.many("put_simple", [{"id": id, "amount": 1} for id in "cab"])

    assert await shelf.transact(put_many) == []
    assert [found.id for found in await shelf.read(items)] == ["a", "b", "c"]


async def test_one_bad_row_of_many_undoes_the_transaction(shelf: Database):
    async def put_many(tx: Tx) -> None:
        await tx.many("put_simple", [{"id": id, "amount": 1} for id in "aba"])

    with pytest.raises(ConstraintViolated):
        await shelf.transact(put_many)

    assert await shelf.read(items) == []


async def test_foreign_keys_hold(shelf: Database):
    async def log(tx: Tx) -> int:
        return (await tx.one("log_event", item="nobody"))["seq"]

    with pytest.raises(ConstraintViolated, match="log_event"):
        await shelf.transact(log)


async def test_serial_numbers_grow(shelf: Database):
    async def log(tx: Tx) -> int:
        return (await tx.one("log_event", item="a"))["seq"]

    await shelf.transact(put, "a")

    first, second = await shelf.transact(log), await shelf.transact(log)
    assert first < second


async def test_a_variant_is_chosen_for_its_dialect(shelf: Database, dialect: str):
    async def spoken(tx: Tx) -> str:
        return (await tx.one("dialect"))["name"]

    assert await shelf.read(spoken) == dialect == shelf.dialect


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"id": "a"}, r"missing parameters \['amount'\]"),
        ({"id": "a", "amount": 1, "amuont": 1}, r"unknown parameters \['amuont'\]"),
    ],
)
async def test_wrong_parameters_are_named(shelf: Database, params: dict[str, object], problem: str):
    async def put_wrongly(tx: Tx) -> int:
        return await tx.run("put_simple", **params)

    with pytest.raises(StatementInvalid, match=problem):
        await shelf.transact(put_wrongly)


async def test_an_unknown_statement_names_the_nearest(shelf: Database):
    async def misspelled(tx: Tx) -> list[Row]:
        return await tx.all("itmes")

    with pytest.raises(StatementInvalid, match="did you mean 'items'"):
        await shelf.read(misspelled)


async def test_many_transactions_and_reads_at_once(shelf: Database):
    async def count(tx: Tx) -> int:
        return len(await tx.all("items"))

    *changed, seen = await asyncio.gather(
        *(shelf.transact(put, f"{number}") for number in range(300)), shelf.read(count)
    )

    assert changed == [1] * 300
    assert 0 <= seen <= 300
    assert await shelf.read(count) == 300


async def test_a_caller_that_gives_up_disturbs_nobody(shelf: Database):
    callers = [asyncio.create_task(shelf.transact(put, f"{number:02}")) for number in range(50)]
    await asyncio.sleep(0)
    for caller in callers[::2]:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)

    await shelf.transact(put, "last")

    stored = {found.id for found in await shelf.read(items)}
    assert {f"{number:02}" for number in range(1, 50, 2)} | {"last"} <= stored


async def test_what_was_accepted_before_close_is_committed(shelf: Database):
    accepted = [asyncio.create_task(shelf.transact(put, f"{number}")) for number in range(50)]
    await asyncio.sleep(0)

    await shelf.close()

    assert await asyncio.gather(*accepted) == [1] * 50


async def test_a_closed_database_refuses_work(shelf: Database):
    await shelf.close()

    with pytest.raises(DatabaseUnavailable, match="closed"):
        await shelf.transact(put, "a")
    with pytest.raises(DatabaseUnavailable, match="closed"):
        await shelf.read(items)


async def test_a_transaction_on_sqlite_awaits_nothing_but_its_tx(shelf: Database):
    async def sleeper(tx: Tx) -> None:
        await put(tx, "a")
        await asyncio.sleep(0)

    if shelf.dialect == "sqlite":
        with pytest.raises(TransactionSuspended, match="sleeper"):
            await shelf.transact(sleeper)
        assert await shelf.read(items) == []


async def test_an_integer_that_no_database_holds_is_the_callers_mistake(shelf: Database):
    with pytest.raises(Unstorable):
        await shelf.transact(put, "a", amount=2**63)

    assert await shelf.read(items) == []


async def test_a_text_with_a_nul_is_the_callers_mistake_where_it_can_not_be_held(
    shelf: Database, dialect: str
):
    if dialect == "sqlite":
        await shelf.transact(put, "a\0b")
        return
    with pytest.raises(Unstorable):
        await shelf.transact(put, "a\0b")
