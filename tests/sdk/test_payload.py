"""Between parameters and the JSON value that travels."""

import dataclasses
import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, NotRequired
from uuid import UUID

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from perdure import BadOption, OutputInvalid, PayloadInvalid, task
from perdure.sdk.payload import Shape
from perdure.wire.values import JSON, SUPER_JSON, TEXT


class Colour(Enum):
    RED = "red"


class Order(BaseModel):
    number: int
    at: datetime


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Person(TypedDict):
    name: str
    age: NotRequired[int]


def crossed(shape: Shape, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the arguments of a call after its payload has travelled as text."""
    return shape.decode(json.dumps(shape.encode(args, kwargs)), JSON).named


def test_parameters_travel_as_the_keys_of_an_object():
    def f(order_id: str, amount: Decimal, *, rush: bool = False) -> None: ...

    shape = Shape("t", f)

    assert shape.encode(("o1",), {"amount": "10"}) == {"order_id": "o1", "amount": "10"}
    assert crossed(shape, "o1", 10, rush=True) == {"order_id": "o1", "amount": Decimal(10), "rush": True}


VALUES = [
    (datetime, datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)),
    (date, date(2026, 1, 2)),
    (timedelta, timedelta(days=1, seconds=2)),
    (Decimal, Decimal("0.1000")),
    (UUID, UUID(int=5)),
    (bytes, bytes(range(256))),
    (set[int], {1, 2, 3}),
    (frozenset[str], frozenset({"a"})),
    (tuple[int, str], (1, "a")),
    (Colour, Colour.RED),
    (dict[str, bytes], {"a": b"\xff"}),
    (list[Point], [Point(1), Point(2, 3)]),
    (Order | Point, Point(1)),
    (float, math.inf),
    (dict[int, str], {1: "a"}),
    (int, 2**70),
    (str, "snowman ☃ \x00"),
]


@pytest.mark.parametrize(("hint", "value"), VALUES, ids=lambda item: str(item)[:30])
def test_types_come_back_as_they_went(hint: Any, value: Any):
    def f(x, y): ...

    f.__annotations__ = {"x": hint, "y": int}

    assert crossed(Shape("t", f), value, 1) == {"x": value, "y": 1}


@pytest.mark.parametrize(("hint", "value"), VALUES, ids=lambda item: str(item)[:30])
def test_results_come_back_as_they_went(hint: Any, value: Any):
    def f(): ...

    f.__annotations__ = {"return": hint}
    shape = Shape("t", f)

    assert shape.decode_output(shape.encode_output(value)) == value


@pytest.mark.parametrize(
    ("hint", "value", "sent"),
    [
        (
            Order,
            Order(number=1, at=datetime(2026, 1, 1, tzinfo=UTC)),
            {"number": 1, "at": "2026-01-01T00:00:00Z"},
        ),
        (Point, Point(1), {"x": 1, "y": 0}),
        (Person, {"name": "Ada"}, {"name": "Ada"}),
        (Order | None, None, None),
        (Annotated[Point, Field(description="where")], Point(1, 2), {"x": 1, "y": 2}),
    ],
    ids=["model", "dataclass", "typed dict", "optional", "annotated"],
)
def test_one_record_takes_the_whole_payload(hint: Any, value: Any, sent: Any):
    def f(thing): ...

    f.__annotations__ = {"thing": hint}
    shape = Shape("t", f)

    assert shape.encode((value,), {}) == sent
    assert crossed(shape, value) == {"thing": value}


def test_a_parameter_named_payload_takes_the_whole_payload():
    def f(payload): ...

    assert crossed(Shape("t", f), [1, {"a": None}]) == {"payload": [1, {"a": None}]}


def test_one_parameter_of_another_type_is_a_key():
    def f(count: int): ...

    assert Shape("t", f).encode((3,), {}) == {"count": 3}


def test_a_record_with_a_default_may_be_left_out():
    def f(point: Point = Point(5)): ...  # noqa: B008

    shape = Shape("t", f)

    assert shape.encode((), {}) == {"x": 5, "y": 0}
    assert shape.decode(None, JSON).named == {}


def test_what_is_more_than_the_parameters_is_kept_by_double_star():
    def f(a: int, **rest: Any): ...

    assert crossed(Shape("t", f), 1, b=2, c=[3]) == {"a": 1, "b": 2, "c": [3]}


def test_a_task_without_parameters_ignores_its_payload():
    def f(): ...

    shape = Shape("t", f)

    assert shape.encode((), {}) is None
    assert shape.decode('{"a": 1}', JSON).named == {}


def test_annotations_may_name_what_is_defined_later():
    def f(a: "Later", b: int): ...  # noqa: F821

    f.__globals__["Later"] = Point

    assert Shape("t", f).decode('{"a": {"x": 1}, "b": 2}', JSON).named == {"a": Point(1), "b": 2}


def test_every_field_that_is_wrong_is_named():
    def f(a: int, b: list[Point]): ...

    with pytest.raises(PayloadInvalid, match=r"task t: a: .*valid integer.*; b.1.x: Field required") as told:
        Shape("t", f).decode('{"a": "x", "b": [{"x": 1}, {}]}', JSON)
    details: Any = told.value.facts["details"]
    assert [detail["field"] for detail in details] == ["a", "b.1.x"]


@pytest.mark.parametrize("packet", ['{"a": 1, "q": 2}', "[1]", "{bad", None, '""'])
def test_a_payload_that_does_not_fit_is_refused(packet: str | None):
    def f(a: int): ...

    with pytest.raises(PayloadInvalid):
        Shape("t", f).decode(packet, JSON)


def test_an_unknown_argument_is_told_as_python_tells_it():
    def f(a: int): ...

    with pytest.raises(TypeError, match=r"f\(\) got an unexpected keyword argument 'b'"):
        Shape("t", f).encode((), {"a": 1, "b": 2})


def test_what_can_not_travel_is_told_at_the_trigger():
    def f(a): ...

    with pytest.raises(PayloadInvalid, match="object"):
        Shape("t", f).encode((object(),), {})


@pytest.mark.parametrize("function", [lambda *args: None, lambda a, /: None], ids=["star", "slash"])
def test_a_parameter_without_a_name_is_refused_when_the_task_is_declared(function: Any):
    with pytest.raises(BadOption, match="parameter a"):
        task(id="t")(function)


def test_an_annotation_pydantic_does_not_know_is_told():
    class Strange: ...

    def f(a: Strange): ...

    with pytest.raises(BadOption, match=r"Task t .*Strange"):
        Shape("t", f).schema()


def test_a_result_that_is_no_json_is_told():
    def f(): ...

    with pytest.raises(OutputInvalid, match=r"Task t .*object"):
        Shape("t", f).encode_output({"a": object()})


def test_a_result_that_is_not_as_annotated_is_told_where_it_is_read():
    def f() -> int: ...

    shape = Shape("t", f)

    with pytest.raises(OutputInvalid, match=r"Task t .*valid integer"):
        shape.decode_output(shape.encode_output("none"))


def test_the_schema_says_what_the_payload_must_be():
    def f(a: int, b: Point, c: str = ""): ...

    schema = Shape("t", f).schema()

    assert schema["required"] == ["a", "b"]
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {"a", "b", "c"}


def test_payloads_of_the_official_clients_come_with_their_types():
    def f(at: datetime, ids: set[int], big: int, missing: Any, text: str): ...

    packet = {
        "json": {"at": "2026-01-01T00:00:00.000Z", "ids": [1, 2], "big": "123", "missing": None, "text": "x"},
        "meta": {"values": {"at": ["Date"], "ids": ["set"], "big": ["bigint"], "missing": ["undefined"]}},
    }
    named = Shape("t", f).decode(json.dumps(packet), SUPER_JSON).named

    assert named == {
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "ids": {1, 2},
        "big": 123,
        "missing": None,
        "text": "x",
    }


def test_a_date_of_the_official_clients_may_be_taken_as_text():
    def f(at: str): ...

    packet = {"json": {"at": "2026-01-01T00:00:00.000Z"}, "meta": {"values": {"at": ["Date"]}}}

    assert Shape("t", f).decode(json.dumps(packet), SUPER_JSON).named == {"at": "2026-01-01T00:00:00.000Z"}


def test_a_text_packet_is_the_payload():
    def f(payload: str): ...

    assert Shape("t", f).decode("hello", TEXT).payload == "hello"
