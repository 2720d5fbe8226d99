"""`describe` shows the stack without running the user's code; `restore(locals=…)` changes it."""

import json
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, TypeAdapter

from perdure.resumable import capture, describe, restore
from tests.resumable.kit.project import Project, result, waiting

SOURCE = """
    from perdure.resumable import gather, suspend

    seen = []

    class Order:
        def __init__(self, id):
            self.id = id

        def __repr__(self):
            return f"Order({self.id!r})"

        def __setstate__(self, state):
            seen.append(state["id"])
            self.__dict__.update(state)

    class Parcel:
        def __init__(self, code):
            self.code = code

        def __reduce__(self):
            return parcel, (self.code,)

    def parcel(code):
        seen.append(code)
        return Parcel(code)

    async def process(order_id, *rest, **named):
        order = Order(order_id)
        for attempt in range(3):
            charge = await charge_card(
                order, amount=10,
            )
        return order, charge, rest, named

    async def charge_card(order, amount):
        note = "n" * 10_000
        items = [await suspend({"pay": amount}) for _ in (1, 2)]
        return items, amount, len(note)

    async def both(base):
        return base, await gather(charge_card(Order("a"), 1), charge_card(Order("b"), base))
"""


@pytest.fixture
def module(project: Project):
    return project.module(SOURCE)


def test_each_frame_is_described_outermost_first(module, project: Project) -> None:
    shown = describe(capture(waiting(module.process("o1", 5, key=6))))

    assert shown["version"] == 2
    outer, inner = shown["frames"]
    assert outer["function"] == f"{module.__name__}.process"
    assert outer["module"] == module.__name__
    assert outer["file"] == module.__file__
    assert outer["line"] == project.line(module, "await charge_card(")
    assert outer["source"].startswith("charge = await charge_card(")
    assert outer["path"] == []
    assert inner["function"] == f"{module.__name__}.charge_card"
    assert inner["line"] == project.line(module, "await suspend({")
    assert "suspend" in inner["source"]


def test_locals_are_named_with_a_short_form(module) -> None:
    outer, inner = describe(capture(waiting(module.process("o1", 5, key=6))))["frames"]

    assert outer["locals"]["order"] == "Order(id='o1')"
    assert outer["locals"]["order_id"] == "'o1'"
    assert outer["locals"]["attempt"] == "0"
    assert outer["locals"]["rest"] == "(5,)"
    assert outer["locals"]["named"] == "{'key': 6}"
    assert set(outer["locals"]) == {"order_id", "rest", "named", "order", "attempt"}
    assert inner["locals"]["note"].startswith("'nnn")
    assert len(inner["locals"]["note"]) < 500
    assert all(name.isidentifier() for frame in (outer, inner) for name in frame["locals"])


Pair = namedtuple("Pair", "a b")


class Color(Enum):
    RED = 1


@dataclass(frozen=True)
class Point:
    x: int


class Model(BaseModel):
    x: int
    names: list[str] = []


PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (
            datetime(2026, 1, 1, tzinfo=UTC),
            "datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)",
        ),
        (datetime(2026, 1, 1, tzinfo=PARIS), "tzinfo=ZoneInfo('Europe/Paris', 1)"),
        ({datetime(2026, 1, 1, tzinfo=PARIS): 1}, "ZoneInfo('Europe/Paris', 1)): 1}"),
        (TypeAdapter(datetime).validate_python("2026-01-01T00:00:00Z"), "tzinfo=TzInfo(0)"),
        (time(1, 2, tzinfo=timezone(timedelta(hours=1))), "datetime.time(1, 2"),
        (date(2026, 1, 1), "datetime.date(2026, 1, 1)"),
        (PurePosixPath("/a/b"), "PurePosixPath("),
        ({Color.RED: 1}, "{Color(1): 1}"),
        (Fraction(1, 3), "Fraction("),
        (Decimal("1.1"), "Decimal('1.1')"),
        (UUID(int=1), "UUID('00000000-0000-0000-0000-000000000001')"),
        ({ip_address("1.2.3.4"): 1}, "IPv4Address("),
        (Pair(1, 2), "Pair(1, 2)"),
        ({Point(1)}, "{Point(x=1)}"),
        (Model(x=1), "Model(x=1, names=[])"),
        (Counter("a"), "Counter({'a': 1})"),
        (defaultdict(list, {1: [2]}), "defaultdict(<builtins.list>"),
        (OrderedDict(a=1), "OrderedDict("),
        (deque([1]), "deque([1])"),
        (ChainMap({1: 2}), "ChainMap(maps=[{1: 2}])"),
        (ValueError("a"), "ValueError('a')"),
        (datetime.now, "<datetime.datetime>.now"),
        (slice(1, 2), "slice(1, 2, None)"),
        (..., "Ellipsis"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_can_be_stored_can_be_shown(project: Project, value: Any, shown: str) -> None:
    module = project.module(SHOW)

    (frame,) = describe(capture(waiting(module.hold(value))))["frames"]

    assert shown in frame["locals"]["value"]


SHOW = """
    from perdure.resumable import suspend

    async def hold(value):
        await suspend(1)
"""


def test_what_is_waited_for_is_described(module) -> None:
    assert describe(capture(waiting(module.charge_card(1, 7))))["waits"] == [
        {"path": [], "request": "{'pay': 7}"}
    ]


def test_branches_are_described_with_their_paths(module) -> None:
    shown = describe(capture(waiting(module.both(4))))

    paths = [frame["path"] for frame in shown["frames"]]
    assert paths == [[], [0], [1]]
    assert [wait["path"] for wait in shown["waits"]] == [[0], [1]]
    assert [frame["locals"]["order"] for frame in shown["frames"][1:]] == ["Order(id='a')", "Order(id='b')"]


def test_describing_runs_no_user_code_and_gives_json(module) -> None:
    data = capture(waiting(module.process("o1")))

    shown = describe(data)

    assert json.loads(json.dumps(shown)) == shown
    assert module.seen == []
    result_seen = restore(data, value=1)
    result_seen.close()
    assert module.seen == ["o1"]


def test_an_object_that_rebuilds_itself_is_shown_as_it_would_be_called(module) -> None:
    shown = describe(capture(waiting(module.charge_card(module.Parcel("p1"), 7))))

    assert shown["frames"][0]["locals"]["order"] == "parcel('p1')"
    assert module.seen == []


def test_a_repr_that_fails_is_shown_and_harms_nothing(project: Project) -> None:
    module = project.module("""
        from perdure.resumable import suspend

        class Shy:
            def __repr__(self):
                raise ValueError("no")

        async def main():
            shy, bold = Shy(), 1
            await suspend(1)
            return bold
    """)
    data = capture(waiting(module.main()))

    assert describe(data)["frames"][0]["locals"]["bold"] == "1"
    assert "Shy" in describe(data)["frames"][0]["locals"]["shy"]
    assert result(restore(data, value=1)) == 1


def test_describing_needs_no_source_and_no_module(module, project: Project) -> None:
    import sys

    line = project.line(module, "await charge_card(")
    data = capture(waiting(module.process("o1")))
    del sys.modules[module.__name__]
    (project.folder / f"{module.__name__}.py").unlink()

    assert describe(data)["frames"][0]["line"] == line


def test_a_local_is_changed_by_name_in_the_innermost_frame_that_has_it(module) -> None:
    data = capture(waiting(module.charge_card(1, 7)))

    assert result(restore(data, value=1, locals={"note": "short", "amount": 9}), 2) == ([1, 2], 9, 5)


def test_a_local_is_changed_in_the_frame_of_a_number(module) -> None:
    data = capture(waiting(module.process("o1")))

    changed = restore(data, value=1, locals={(0, "order_id"): "other", (0, "attempt"): 7, (1, "amount"): 0})
    order, charge, _, _ = result(changed, 2, 3, 4, 5, 6)

    assert charge == ([5, 6], 10, 10_000)
    assert order.id == "o1"


def test_names_of_several_frames_mean_the_innermost(module) -> None:
    data = capture(waiting(module.process("o1")))

    coroutine = restore(data, value=1, locals={"order": "inner", "order_id": "outer"})
    frames = describe(capture(waiting(coroutine)))["frames"]

    assert frames[0]["locals"]["order"] == "Order(id='o1')"
    assert frames[0]["locals"]["order_id"] == "'outer'"
    assert frames[1]["locals"]["order"] == "'inner'"
    coroutine.close()


def test_a_local_that_closures_share_is_changed_for_them_too(project: Project) -> None:
    module = project.module("""
        from perdure.resumable import suspend

        async def main():
            total = 1
            def read():
                return total
            await suspend(1)
            return total, read()
    """)
    data = capture(waiting(module.main()))

    assert result(restore(data, value=1, locals={"total": 5})) == (5, 5)


def test_a_local_that_is_not_there_is_an_error(module) -> None:
    data = capture(waiting(module.process("o1")))

    for locals in ({"missing": 1}, {(0, "note"): 1}, {(7, "order"): 1}):
        with pytest.raises(KeyError):
            restore(data, value=1, locals=locals)


def test_the_item_of_a_loop_may_be_changed_and_the_loop_goes_on(project: Project) -> None:
    module = project.module("""
        from perdure.resumable import suspend

        async def main():
            seen = []
            for item in [1, 2, 3]:
                await suspend(item)
                seen.append(item)
            return seen
    """)
    data = capture(waiting(module.main()))

    assert result(restore(data, value=None, locals={"item": 10}), None, None) == [10, 2, 3]
