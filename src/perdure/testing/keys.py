"""Keys that make a trigger happen once."""

from collections.abc import Mapping

from perdure.engine.drafts import Draft, Key
from perdure.engine.once import stands
from perdure.store.keys import IDEMPOTENCY, KeyHolder
from perdure.testing.lives import Life

Name = tuple[str, str, str]
"""A task, the kind of a key, and the key."""


class Keys:
    """Which run has which key."""

    def __init__(self, lives: Mapping[str, Life]) -> None:
        self._lives = lives
        self._holders: dict[Name, tuple[str, int]] = {}

    def take(self, draft: Draft, now: int) -> tuple[str, bool] | None:
        """Give the draft its keys, or return the run that has one, and whether it was the user's own key."""
        task = draft.new.task
        for key in draft.keys:
            if holder := self._holder((task, key.kind, key.key), now):
                return holder, key.kind == IDEMPOTENCY
        for key in draft.keys:
            self._give(task, key, draft.id)
        return None

    def reset(self, task: str, key: str) -> bool:
        """Forget a key of the user's; return whether there was one."""
        return self._holders.pop((task, IDEMPOTENCY, key), None) is not None

    def _holder(self, name: Name, now: int) -> str | None:
        run, expires_at = self._holders.get(name, ("", 0))
        life = self._lives.get(run)
        kind = name[1]
        status = str(life.status) if life else None
        return run if stands(KeyHolder(kind, b"", run, expires_at, status), now) else None

    def _give(self, task: str, key: Key, run: str) -> None:
        self._holders[task, key.kind, key.key] = run, key.expires_at
