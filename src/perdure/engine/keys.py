"""Forgetting idempotency keys."""

from perdure.core.errors import NotFound
from perdure.engine.options import plain_text
from perdure.engine.resources import Resources
from perdure.store import keys
from perdure.store.rows import Environment


class Keys:
    """Resets idempotency keys."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def reset(self, environment: Environment, task: str, key: str) -> None:
        """Forget a key, so that the next trigger with it makes a new run.

        Args:
            environment: where.
            task: the task's id.
            key: the key as it was sent with the trigger, which is its hash for the official clients.

        Raises:
            NotFound: no run of the task has this key.
            BadOption: it is no text that a run can have been triggered with.
        """
        plain_text("task", task)
        plain_text("key", key)
        if not await self._resources.db.transact(keys.free, environment.id, task, key):
            raise NotFound(f"No runs found with idempotency key: {key} and task: {task}")
