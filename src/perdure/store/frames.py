"""Frames of stored states as bytes: an eighth of their JSON.

Frames repeat what stands in the state they belong to (files, functions, names of locals, ids), so the head
of the state is the dictionary that they are deflated with, after the words of all frames.  That dictionary is
part of the format: other words would make stored frames unreadable.
"""

import zlib

HEAD = 2048
"""So many bytes of a state, from its beginning, are in the dictionary."""

_WORDS = (
    b'", "path": [0, 1, 2, 3], "locals": {}, "waits": []}, {"batch_01k7run_01k7"]}, {"path": [], "function": '
    b'"tasks.", "module": "tasks.", "file": "tasks/.py", "line": 1, "source": "await wait.for_(_and_wait('
    b'", "locals": {"self": ""}, "waits": ["waitpoint_01k7"]}]'
)
# A window that holds the dictionary and the frames of most runs: the usual one takes three times as long to
# make.  Negative: no header and no checksum, which the database has.
_WINDOW, _MEMORY, _LEVEL = -12, 4, 6


def pack(frames: str, state: bytes) -> bytes:
    """Return frames as bytes.

    Args:
        frames: their JSON.
        state: the stored state that they describe.
    """
    maker = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zdict=_dictionary(state))
    return maker.compress(frames.encode()) + maker.flush()


def unpack(packed: bytes, state: bytes) -> str:
    """Return the JSON that was packed.

    Args:
        packed: the bytes.
        state: the state, or only its first `HEAD` bytes.
    """
    return zlib.decompressobj(_WINDOW, zdict=_dictionary(state)).decompress(packed).decode()


def _dictionary(state: bytes) -> bytes:
    return _WORDS + state[:HEAD]
