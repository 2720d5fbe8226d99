"""Something that is watched, as this server knows it: which states its runs are in, and who is to be told.

Whoever watches holds no more than a number, the count of changes it has seen: however slow it is, nothing
piles up for it, and when it looks again it gets what has changed since, each run once and as it is then.
"""

import asyncio
import secrets
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from perdure.store.feed import Version


@dataclass(frozen=True, slots=True)
class Topic:
    """What can be watched: a run, the runs of a batch, those that have some tags, or a stream of a run."""

    environment: str
    kind: Literal["run", "batch", "tags", "stream"]
    #: the run; the batch; the tags, sorted; the run and the stream's key
    subjects: tuple[str, ...]


STREAM = ""
"""What stands for a stream among the members of its topic; its version is its length."""


class Watched:
    """A topic that somebody watches, or did a moment ago."""

    def __init__(self, topic: Topic) -> None:
        """Begin without knowing anything of it."""
        self.topic = topic
        #: of this object; a count of changes means nothing without it
        self.epoch = secrets.randbits(48)
        self.count = 0
        self.members: dict[str, Version] = {}
        #: no more will change, or come
        self.is_over = False
        #: the first look at it, and how it ended
        self.loading: asyncio.Future[None] | None = None
        #: when it is forgotten unless somebody watches it, in seconds of the loop
        self.until = 0.0
        #: when the next look at all of it may be, and how long the last took
        self.next_look = 0.0
        self.watches: set[Watch] = set()
        # The count at the last change of each member, in the order of these changes.
        self._changed_at: dict[str, int] = {}

    def note(self, versions: Mapping[str, Version]) -> list[str]:
        """Take note of states; return the members that are new or have changed, and wake who watches."""
        changed = [
            member
            for member, version in versions.items()
            if member not in self.members or self.members[member].number < version.number
        ]
        for member in changed:  # a look that began earlier and ended later takes nothing back
            self.members[member] = versions[member]
            self.count += 1
            self._changed_at.pop(member, None)
            self._changed_at[member] = self.count
        if changed:
            self.wake()
        return changed

    def end(self) -> None:
        """Take note that no more will come."""
        if not self.is_over:
            self.is_over = True
            self.wake()

    def wake(self) -> None:
        """Wake all who watch."""
        for watch in self.watches:
            watch.news.set()

    def since(self, count: int) -> list[str]:
        """Return the members that have changed since then, the one that did first first."""
        found = []
        for member, changed_at in reversed(self._changed_at.items()):
            if changed_at <= count:
                break
            found.append(member)
        return found[::-1]

    def all_final(self) -> bool:
        """Tell whether all members have ended."""
        return all(version.is_final for version in self.members.values())


class Watch:
    """One who watches a topic."""

    def __init__(self, watched: Watched) -> None:
        """Use `Feed.watch`."""
        self.watched = watched
        self.news = asyncio.Event()
        #: how many changes it has seen
        self.count = watched.count

    def take(self) -> list[str]:
        """Return the members that have changed since the last time."""
        self.news.clear()
        before, self.count = self.count, self.watched.count
        return self.watched.since(before)

    async def changes(self, timeout: float) -> list[str]:
        """Wait for changes, and take them; none when the time, in seconds, is up or the topic is over."""
        if self.count == self.watched.count and not self.watched.is_over:
            self.news.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self.news.wait()
            except TimeoutError:
                return []
        return self.take()


WINDOW_MS = 60_000
"""How far behind the newest change another may come to light: a slow commit, or a late clock."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far somebody has read a topic, so that any server can go on from there.

    A server that still knows the topic goes on by its own count, exactly.  Another one compares states: the
    newest that was read, and a fingerprint of all that are little older.  If that has changed, these are told
    again, which does no harm: each is told as it is now.
    """

    #: the newest state, milliseconds since 1970
    newest: int
    fingerprint: int
    epoch: int = 0
    count: int = 0

    @classmethod
    def of(cls, members: Mapping[str, Version], epoch: int = 0, count: int = 0) -> "Position":
        """Return the position of one who has read all of these."""
        newest = max((version.number for version in members.values()), default=0)
        return cls(newest, _fingerprint(_window(members, newest)), epoch, count)

    @classmethod
    def parse(cls, offset: str, cursor: str) -> "Position | None":
        """Read what `offset` and `cursor` gave; None if the first is no position."""
        newest, _, fingerprint = offset.partition("_")
        if not (_is_number(newest) and _is_number(fingerprint)):
            return None
        epoch, _, count = cursor.partition(".")
        exact = (int(epoch), int(count)) if _is_number(epoch) and _is_number(count) else (0, 0)
        return cls(int(newest), int(fingerprint), *exact)

    @property
    def offset(self) -> str:
        """The part that any server understands."""
        return f"{self.newest}_{self.fingerprint}"

    @property
    def cursor(self) -> str:
        """The part that only the server understands that gave it."""
        return f"{self.epoch}.{self.count}"

    def missed(self, watched: Watched, members: Mapping[str, Version]) -> list[str]:
        """Return those of some members of a topic that may have changed since."""
        if self.epoch == watched.epoch:
            return [member for member in watched.since(self.count) if member in members]
        newer = [member for member, version in members.items() if version.number > self.newest]
        window = _window(members, self.newest)
        return (
            newer if _fingerprint(window) == self.fingerprint else [*(member for member, _ in window), *newer]
        )


def _window(members: Mapping[str, Version], newest: int) -> list[tuple[str, int]]:
    return [
        (member, version.number)
        for member, version in members.items()
        if newest - WINDOW_MS < version.number <= newest
    ]


def _fingerprint(window: Iterable[tuple[str, int]]) -> int:
    # Below 2**53, which JavaScript counts exactly; the same in every process, which `hash` of a text is not.
    return zlib.crc32(repr(sorted(window)).encode())


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
