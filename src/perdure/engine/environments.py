"""Environments and the keys that open them."""

import secrets
import string

from perdure.core.errors import BadSetting
from perdure.core.ids import new_id
from perdure.engine.resources import EngineSettings, Resources
from perdure.store import catalog
from perdure.store.database import Tx
from perdure.store.rows import Environment
from perdure.wire.values import EnvironmentType

KEPT_MS = 5_000
"""How long a key is known before it is looked up again: what a changed key takes to be seen."""

_LETTERS = string.ascii_letters + string.digits
_KEY_LENGTH = 24


class Environments:
    """Knows which key opens which environment.

    Every request asks, so what was found is kept for a few seconds.  A row may be that old: who needs
    the current version or a limit asks the database in its own transaction.
    """

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources
        self._kept: dict[str, tuple[Environment, int]] = {}

    async def by_key(self, key: str) -> Environment | None:
        """Return the environment that a secret key opens, or None."""
        return self._recent(key) or self._keep(key, await self._resources.db.read(catalog.of_key, key))

    async def by_id(self, environment: str) -> Environment | None:
        """Return the environment of an id, or None."""
        return self._recent(environment) or self._keep(
            environment, await self._resources.db.read(catalog.of_id, environment)
        )

    async def list(self) -> list[Environment]:
        """Return all environments, by project and slug."""
        return await self._resources.db.read(catalog.environments)

    async def ensure(self, slug: str, *, type: EnvironmentType, key: str | None, project: str) -> Environment:
        """Return the environment of a project's slug, making it if there is none.

        Args:
            slug: its name in the project.
            type: its kind, if it is made.
            key: its secret key from now on; None keeps the one it has, or makes one.
            project: the project's name.

        Raises:
            BadSetting: the key opens another environment, or the slug stands for another type.
        """
        environment = await self._resources.db.transact(self._ensure, slug, type, key, project, new_key(type))
        self.forget()
        return environment

    def forget(self) -> None:
        """Look environments up again: one has changed."""
        self._kept.clear()

    async def _ensure(
        self, tx: Tx, slug: str, type: EnvironmentType, key: str | None, project: str, fresh: str
    ) -> Environment:
        owner = await catalog.of_key(tx, key) if key else None
        if owner is not None and (owner.project, owner.slug) != (project, slug):
            raise BadSetting(setting=slug, reason=f"its key opens environment {owner.slug} already")
        now = self._resources.clock.now()
        row = Environment(new_id("env", now), slug, type.value, project, key or fresh, None, None, now)
        await catalog.add_environment(tx, row)
        found = await catalog.of_slug(tx, project, slug)
        if found.type != type:
            raise BadSetting(
                setting=slug, reason=f"it is of type {found.type}, so it can't have a key of {type.value}"
            )
        if key and found.key != key:
            await catalog.set_key(tx, found.id, key)
        return await catalog.of_slug(tx, project, slug)

    def _recent(self, name: str) -> Environment | None:
        found, until = self._kept.get(name, (None, 0))
        return found if self._resources.clock.now() < until else None

    def _keep(self, name: str, found: Environment | None) -> Environment | None:
        if found is not None:
            self._kept[name] = found, self._resources.clock.now() + KEPT_MS
        return found


def default_ttl_ms(environment: Environment, settings: EngineSettings) -> int | None:
    """Return how long runs may wait for a worker if neither trigger nor task says; None: for ever."""
    if environment.default_ttl_ms is not None:
        return environment.default_ttl_ms or None
    for name in (environment.slug, environment.type, "*"):
        if name in settings.ttl_ms:
            return settings.ttl_ms[name] or None
    return None


def new_key(type: EnvironmentType) -> str:
    """Return a fresh secret key for an environment of this type: 143 random bits."""
    return f"tr_{type.value}_" + "".join(secrets.choice(_LETTERS) for _ in range(_KEY_LENGTH))
