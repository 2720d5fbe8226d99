"""The outside of a snapshot: a header, a signature, and the contents, compressed unless they are small.

``b"PRD" version flags python contents signature(16)``. The signature is a keyed BLAKE2b over all
before it; without a key it is a checksum. Nothing is unpickled before it has been checked.
"""

import hashlib
import hmac
import sys
import zlib

from .errors import BadSnapshot

MAGIC = b"PRD"
VERSION = 2
_SIGNED, _BOUND, _DEFLATED = 1, 2, 4
_SMALL = 1024  # bytes; to deflate fewer takes longer than all the rest of a capture, and saves a third
_HEADER, _SIGNATURE = 6, 16


def _sign(sealed: bytes, key: bytes | None) -> bytes:
    if key is None:
        return hashlib.blake2b(sealed, digest_size=_SIGNATURE).digest()
    short = key if len(key) <= 64 else hashlib.blake2b(key).digest()
    return hashlib.blake2b(sealed, digest_size=_SIGNATURE, key=short).digest()


def seal(payload: bytes, *, key: bytes | None, bound: bool) -> bytes:
    """Wrap a pickle. *bound*: it holds bytecode, and only this minor version of Python reads it."""
    flags = (_SIGNED if key is not None else 0) | (_BOUND if bound else 0)
    if len(payload) > _SMALL:
        payload, flags = zlib.compress(payload, 1), flags | _DEFLATED
    sealed = MAGIC + bytes((VERSION, flags, sys.version_info.minor)) + payload
    return sealed + _sign(sealed, key)


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
    if not hmac.compare_digest(data[-_SIGNATURE:], _sign(data[:-_SIGNATURE], key)):
        raise BadSnapshot("the snapshot is damaged, or was signed with another key")
    contents = data[_HEADER:-_SIGNATURE]
    return zlib.decompress(contents) if data[4] & _DEFLATED else contents


def check_python(data: bytes) -> None:
    """Raise `BadSnapshot` if the bytes are bound to another Python."""
    wanted = bound_to(data)
    if wanted is not None and data[5] != sys.version_info.minor:
        raise BadSnapshot(
            "the snapshot holds functions or classes that can't be imported, as bytecode of Python "
            f"{wanted}; this is Python 3.{sys.version_info.minor}. Define them at the top of a module"
        )
