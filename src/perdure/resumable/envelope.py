"""The outside of a snapshot: a header, a signature, and compressed contents.

``b"PRD" version flags python signature(16) contents``. The signature is a keyed BLAKE2b over all
the rest; without a key it is a checksum. Nothing is unpickled before it has been checked.
"""

import hashlib
import hmac
import sys
import zlib

from .errors import BadSnapshot

MAGIC = b"PRD"
VERSION = 1
_SIGNED, _BOUND = 1, 2
_HEADER, _SIGNATURE = 6, 16


def _sign(head: bytes, contents: bytes, key: bytes | None) -> bytes:
    digest = hashlib.blake2b(head, digest_size=_SIGNATURE, key=_key(key))
    digest.update(contents)
    return digest.digest()


def _key(key: bytes | None) -> bytes:
    if key is None:
        return b""
    return key if len(key) <= 64 else hashlib.blake2b(key).digest()


def seal(payload: bytes, *, key: bytes | None, bound: bool) -> bytes:
    """Wrap a pickle. *bound*: it holds bytecode, and only this minor version of Python reads it."""
    flags = (_SIGNED if key is not None else 0) | (_BOUND if bound else 0)
    head = MAGIC + bytes([VERSION, flags, sys.version_info.minor])
    contents = _compressed(payload)
    return head + _sign(head, contents, key) + contents


def _compressed(payload: bytes) -> bytes:
    """Deflate, quickly: most of the time for a small payload would go into making tables."""
    deflate = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 4 if len(payload) < 4096 else 8)
    return deflate.compress(payload) + deflate.flush()


def bound_to(data: bytes) -> str | None:
    """The Python version that sealed bytes are bound to, if any."""
    return f"3.{data[5]}" if data[4] & _BOUND else None


def unseal(data: bytes, *, key: bytes | None) -> bytes:
    """The pickle inside. Raises `BadSnapshot` unless these are our bytes, whole and rightly signed."""
    data = bytes(data)
    if len(data) < _HEADER + _SIGNATURE or not data.startswith(MAGIC):
        raise BadSnapshot("these bytes are no snapshot, or only the beginning of one")
    if data[3] != VERSION:
        raise BadSnapshot(
            f"snapshot format {data[3]} is unknown here; this version of perdure reads {VERSION}"
        )
    if (key is not None) != bool(data[4] & _SIGNED):
        missing = "no key was given" if key is None else "it is not signed, and a key was given"
        raise BadSnapshot(f"the snapshot's signature can't be checked: {missing}")
    head, signature = data[:_HEADER], data[_HEADER : _HEADER + _SIGNATURE]
    contents = data[_HEADER + _SIGNATURE :]
    if not hmac.compare_digest(signature, _sign(head, contents, key)):
        raise BadSnapshot("the snapshot is damaged, or was signed with another key")
    return zlib.decompress(contents)


def check_python(data: bytes) -> None:
    """Raise `BadSnapshot` if the bytes are bound to another Python."""
    wanted, here = bound_to(data), f"3.{sys.version_info.minor}"
    if wanted is not None and wanted != here:
        raise BadSnapshot(
            "the snapshot holds functions or classes that can't be imported, as bytecode of Python "
            f"{wanted}; this is Python {here}. Define them at the top of a module"
        )
