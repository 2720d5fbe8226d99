"""What the npm clients send, as the `superjson` package 2 writes it."""

import json
import math
from datetime import UTC, datetime

import pytest

from perdure.sdk.superjson import loads


def test_plain_json_is_itself():
    assert loads('{"json": {"a": [1, null]}}') == {"a": [1, None]}


def test_a_value_at_the_root_is_revived():
    assert loads('{"json": "2026-01-01T00:00:00.000Z", "meta": {"values": ["Date"]}}') == datetime(
        2026, 1, 1, tzinfo=UTC
    )


def test_values_deep_inside_are_revived():
    packet = {
        "json": {"a": [{"b": "1"}], "x.y": "2"},
        "meta": {"values": {"a.0.b": ["bigint"], "x\\.y": ["bigint"]}},
    }

    assert loads(json.dumps(packet)) == {"a": [{"b": 1}], "x.y": 2}


def test_containers_are_revived_with_what_is_in_them():
    text = '{"json": [["k", "2026-01-01T00:00:00.000Z"]], "meta": {"values": ["map", {"0.1": ["Date"]}]}}'

    assert loads(text) == {"k": datetime(2026, 1, 1, tzinfo=UTC)}


def test_numbers_without_a_word_in_json():
    values = loads('{"json": ["NaN", "-Infinity"], "meta": {"values": {"0": ["number"], "1": ["number"]}}}')

    assert math.isnan(values[0])
    assert values[1] == -math.inf


def test_what_is_unknown_stays_as_it_is():
    assert loads('{"json": {"a": 1}, "meta": {"values": {"a": [["custom", "Thing"]]}}}') == {"a": 1}


def test_what_is_no_superjson_is_refused():
    with pytest.raises(ValueError, match="json"):
        loads('{"a": 1}')
