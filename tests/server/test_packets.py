"""Packets as JSON values."""

import pytest

from perdure.server.packets import decode
from perdure.wire.values import JSON, SUPER_JSON, TEXT


@pytest.mark.parametrize(
    ("data", "kind", "value"),
    [
        ('{"a":[1,null]}', JSON, {"a": [1, None]}),
        ("null", JSON, None),
        ("0", JSON, 0),
        ('{"json":{"at":"2026-01-01"},"meta":{"values":{"at":["Date"]}}}', SUPER_JSON, {"at": "2026-01-01"}),
        ('{"json":0}', SUPER_JSON, 0),
        ("{}", TEXT, "{}"),
        ("", TEXT, None),
        (None, JSON, None),
        ("not json", JSON, "not json"),
        ('{"a":1}', SUPER_JSON, {"a": 1}),
        ("path/to/it", "application/store", "path/to/it"),
    ],
)
def test_a_packet_is_shown_as_the_value_it_stands_for(data: str | None, kind: str, value: object):
    assert decode(data, kind) == value
