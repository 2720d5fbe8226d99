"""Telling those who watch runs that something of them has changed.

These hints are *quiet*: other processes get them only while somebody there watches runs (`store.hints`).
"""

import hashlib
from collections.abc import Sequence

from perdure.store import feed
from perdure.store.database import Tx
from perdure.store.hints import QUIET


def channel_of_change(run: str) -> str:
    """Return the channel that is hinted whenever something of a run has changed."""
    return f"{QUIET}change:{run}"


def channel_of_tag(environment: str, tag: str) -> str:
    """Return the channel that is hinted when a run gets a tag; it has no blanks, as a tag may."""
    name = hashlib.sha256(f"{environment}\n{tag}".encode()).hexdigest()[:24]
    return f"{QUIET}tag:{name}"


def channel_of_members(batch: str) -> str:
    """Return the channel that is hinted when a batch has new runs, or gets no more."""
    return f"{QUIET}members:{batch}"


def channel_of_streams(run: str) -> str:
    """Return the channel that is hinted when a stream of a run has new chunks."""
    return f"{QUIET}stream:{run}"


async def touched(tx: Tx, runs: Sequence[str], now: int) -> None:
    """Note that something of runs, which are locked, has changed that does not stand in their rows."""
    await feed.touch(tx, runs, now=now)
    tx.hint(*map(channel_of_change, runs))
