"""Frames of stored states, packed."""

import json

import pytest

from perdure.store.frames import HEAD, pack, unpack

FRAME = {
    "path": [],
    "function": "tasks.shop.process",
    "module": "tasks.shop",
    "file": "/srv/shop/tasks/shop.py",
    "line": 34,
    "source": "if not await approve(order):",
    "locals": {"order": "Order(id='o1')", "total": "Decimal('19.80')"},
    "waits": ["waitpoint_01k7v2v0q4f4jfk4f93n7jvdr"],
}
STATE = b"PRD\x02\x01\x0b" + "\0".join(map(str, FRAME.values())).encode() + bytes(range(256))


@pytest.mark.parametrize("state", [b"", STATE, STATE * 100], ids=["none", "small", "large"])
@pytest.mark.parametrize("count", [0, 1, 500])
def test_frames_come_back_as_they_were(count: int, state: bytes):
    frames = json.dumps([{**FRAME, "line": line, "source": "ä" * line} for line in range(count)])
    assert unpack(pack(frames, state), state[:HEAD]) == frames


def test_what_the_state_says_is_not_said_again():
    frames = json.dumps([FRAME])
    assert len(pack(frames, STATE)) < len(frames) / 4


def test_the_format_stands():
    """Frames that an older version has stored can be read."""
    assert unpack(
        bytes.fromhex(
            "8b2694e69023145bfa03c923a7411c118d94228d4d509224bee8474b946051256c4941099c1494b026053c09186ba200a56a00"
        ),
        STATE,
    ) == json.dumps([FRAME])
