"""The feed: who watches runs and streams is told of what changes in them.

However many watch, a server looks once: what was hinted, it reads at once; and each second it compares the
states of all that is watched, so a hint that was lost costs a second and never a change.  How long these
looks take decides how often they are: they never fill more than a fifth of the time.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from perdure.core.errors import PerdureError
from perdure.engine.changes import (
    channel_of_change,
    channel_of_members,
    channel_of_streams,
    channel_of_tag,
)
from perdure.engine.looks import look_at
from perdure.engine.resources import Resources
from perdure.engine.service import PAUSE_AFTER_ERROR_S, Service
from perdure.engine.watched import STREAM, Topic, Watch, Watched
from perdure.store import feed
from perdure.store.feed import Shown, Version
from perdure.store.hints import WANTED, WANTED_S, Subscription

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How long a change takes at most to come to light when its hint was lost."""

LINGER_S = 30.0
"""What nobody watches is remembered so long: a poll follows the one before."""

SHARE = 5
"""A look at a topic is followed by a pause of so many times its length."""

SHOWN_TOGETHER = 200
"""The most runs that are read at once."""

KEPT_CHARACTERS = 32_000_000
"""How much of what was read is kept for others who watch the same."""


class Feed(Service):
    """Tells those who watch of changes."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        super().__init__(resources.db)
        self._resources = resources
        self._topics: dict[Topic, Watched] = {}
        # Which topics are concerned by a channel.
        self._by_channel: dict[str, set[Watched]] = {}
        self._listening: Subscription | None = None
        self._wanted_at = 0.0
        self._kept = _Kept()
        self._reading: dict[str, asyncio.Future[None]] = {}

    @property
    def count(self) -> int:
        """How many watch."""
        return sum(len(watched.watches) for watched in self._topics.values())

    @asynccontextmanager
    async def watch(self, topic: Topic) -> AsyncIterator[Watch]:
        """Watch a topic inside the block; its present state is known when it begins."""
        watched = self._topics.get(topic)
        if watched is None:
            watched = self._topics[topic] = Watched(topic)
            self._listen(watched, _channels(topic))
        watch = Watch(watched)
        watched.watches.add(watch)
        try:
            await self._load(watched)
            watch.count = watched.count
            yield watch
        finally:
            watched.watches.discard(watch)
            watched.until = _now() + LINGER_S

    async def shown(self, runs: Iterable[str]) -> list[Shown]:
        """Return runs as those who watch are shown them, as they are now or were a moment ago.

        Runs that are not there any more are left out.
        """
        wanted = list(runs)
        missing = [run for run in wanted if not self._is_kept(run)]
        for start in range(0, len(missing), SHOWN_TOGETHER):
            await self._read(missing[start : start + SHOWN_TOGETHER])
        return [shown for run in wanted if (shown := self._kept.get(run)) is not None]

    async def run_once(self) -> int:
        """Compare the states of all that is watched; return how many changes that brought to light."""
        now = _now()
        for watched in list(self._topics.values()):
            if not watched.watches and watched.until <= now:
                self._forget(watched)
        due = [w for w in self._topics.values() if w.watches and not w.is_over and w.next_look <= now]
        if due and now >= self._wanted_at:
            self._wanted_at = now + WANTED_S / 3
            self._db.hints.publish((WANTED,))
        return await self._look(due)

    async def _run(self) -> None:
        next_round = _now() + LOOK_S
        with self._db.hints.subscribe(*self._by_channel) as self._listening:
            while True:
                hinted = await self._listening.wait(max(0.0, next_round - _now()))
                try:
                    await self._look_after(hinted)
                    if _now() >= next_round:
                        next_round = _now() + LOOK_S
                        await self.run_once()
                except PerdureError:
                    log.exception("The feed can't look; it will try again")
                    await asyncio.sleep(PAUSE_AFTER_ERROR_S)

    async def _load(self, watched: Watched) -> None:
        """Look at a topic for the first time, once for all who come meanwhile."""
        if watched.loading is None or (watched.loading.done() and watched.loading.exception()):
            watched.loading = asyncio.ensure_future(self._first_look(watched))
        await asyncio.shield(watched.loading)

    async def _first_look(self, watched: Watched) -> None:
        await self._look([watched])

    async def _look_after(self, hinted: Iterable[str]) -> None:
        """Look at what was hinted: runs by themselves, and topics that may have new members."""
        runs: set[str] = set()
        topics: set[Watched] = set()
        for channel in hinted:
            concerned = {w for w in self._by_channel.get(channel, ()) if w.watches}
            if not concerned:
                continue
            run = _run_of(channel)
            if run is not None and any(w.topic.kind != "stream" for w in concerned):
                runs.add(run)
            topics |= {w for w in concerned if run is None or w.topic.kind == "stream"}
        if runs:
            await self._look_at_runs(sorted(runs))
        if topics:
            await self._look([w for w in topics if w.topic.kind != "tags" or w.next_look <= _now() + LOOK_S])

    async def _look_at_runs(self, runs: Sequence[str]) -> None:
        for start in range(0, len(runs), SHOWN_TOGETHER):
            found = await self._db.read(feed.show, runs[start : start + SHOWN_TOGETHER])
            for run, shown in found.items():
                self._kept.put(shown)
                version = Version(shown.run.updated_at, shown.run.finished_at is not None)
                for watched in tuple(self._by_channel.get(channel_of_change(run), ())):
                    if watched.topic.kind != "stream":
                        self._note(watched, {run: version})
        await self._end_batches()

    async def _end_batches(self) -> None:
        """Ask at once whether a batch is over whose runs have all ended, instead of in a second."""
        waiting = [
            w
            for w in self._topics.values()
            if w.topic.kind == "batch" and w.watches and not w.is_over and w.members and w.all_final()
        ]
        if waiting:
            await self._look(waiting)

    async def _look(self, topics: Sequence[Watched]) -> int:
        """Compare the states of some topics."""
        if not topics:
            return 0
        began = _now()
        found = await look_at(self._db, [watched.topic for watched in topics], self._resources.clock.now())
        changes = 0
        for watched in topics:
            seen = found[watched.topic]
            changes += len(self._note(watched, seen.members))
            if seen.is_over:
                watched.end()
        pause = _now() + (_now() - began) * SHARE
        for watched in topics:
            watched.next_look = pause
        return changes

    def _note(self, watched: Watched, versions: dict[str, Version]) -> list[str]:
        new = versions.keys() - watched.members.keys() - {STREAM}
        changed = watched.note(versions)
        if watched.topic.kind in ("batch", "tags"):
            self._listen(watched, map(channel_of_change, new))
        elif watched.topic.kind == "run" and versions and watched.all_final():
            watched.end()
        return changed

    def _listen(self, watched: Watched, channels: Iterable[str]) -> None:
        for channel in channels:
            concerned = self._by_channel.setdefault(channel, set())
            if not concerned and self._listening is not None:
                self._listening.listen(channel)
            concerned.add(watched)

    def _forget(self, watched: Watched) -> None:
        del self._topics[watched.topic]
        for channel in [*_channels(watched.topic), *map(channel_of_change, watched.members)]:
            concerned = self._by_channel.get(channel, set())
            concerned.discard(watched)
            if not concerned:
                self._by_channel.pop(channel, None)
                if self._listening is not None:
                    self._listening.ignore(channel)

    def _is_kept(self, run: str) -> bool:
        """Tell whether the newest state of a run that is known is kept."""
        shown = self._kept.get(run)
        return shown is not None and shown.run.updated_at >= max(
            (
                w.members[run].number
                for w in self._by_channel.get(channel_of_change(run), ())
                if run in w.members
            ),
            default=0,
        )

    async def _read(self, runs: Sequence[str]) -> None:
        """Read runs; what another reads already is waited for."""
        mine = [run for run in runs if run not in self._reading]
        others = [self._reading[run] for run in runs if run in self._reading]
        if mine:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._reading |= dict.fromkeys(mine, done)
            try:
                for shown in (await self._db.read(feed.show, mine)).values():
                    self._kept.put(shown)
            finally:
                for run in mine:
                    del self._reading[run]
                done.set_result(None)
        for other in others:
            await asyncio.shield(other)


class _Kept:
    """What was read lately, up to so many characters."""

    def __init__(self) -> None:
        self._rows: OrderedDict[str, Shown] = OrderedDict()
        self._size = 0

    def get(self, run: str) -> Shown | None:
        return self._rows.get(run)

    def put(self, shown: Shown) -> None:
        before = self._rows.pop(shown.run.id, None)
        if before is not None:
            self._size -= _size(before)
        self._rows[shown.run.id] = shown
        self._size += _size(shown)
        while self._size > KEPT_CHARACTERS and len(self._rows) > SHOWN_TOGETHER:
            self._size -= _size(self._rows.popitem(last=False)[1])


def _size(shown: Shown) -> int:
    return 1_000 + sum(len(packet.data) for packet in shown.packets.values())


def _channels(topic: Topic) -> list[str]:
    """Return the channels that are hinted when a topic may have changed, but for those of its members."""
    first = topic.subjects[0]
    match topic.kind:
        case "run":
            return [channel_of_change(first)]
        case "batch":
            return [channel_of_members(first)]
        case "tags":
            return [channel_of_tag(topic.environment, tag) for tag in topic.subjects]
        case "stream":
            return [channel_of_streams(first), channel_of_change(first)]


_CHANGE = channel_of_change("")


def _run_of(channel: str) -> str | None:
    """Return the run whose change a channel tells of, or None."""
    return channel[len(_CHANGE) :] if channel.startswith(_CHANGE) else None


def _now() -> float:
    return asyncio.get_running_loop().time()
