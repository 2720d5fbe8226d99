"""Workers say that they live, and so keep their runs."""

from perdure.core.errors import NotFound
from perdure.engine.resources import Resources
from perdure.store import runs, workers
from perdure.store.database import Tx
from perdure.store.rows import Environment
from perdure.wire.workers import Heartbeat, HeartbeatAnswer


class Heartbeats:
    """Keeps leases."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def beat(self, environment: Environment, command: Heartbeat) -> HeartbeatAnswer:
        """Keep the leases of a worker's runs; return those that are not its own any more.

        Raises:
            NotFound: the worker is not connected; it must connect again.
        """
        kept = await self._resources.db.transact(self._keep, environment.id, command)
        return HeartbeatAnswer(lost=[ref for ref in command.runs if ref.run_id not in kept])

    async def _keep(self, tx: Tx, environment: str, command: Heartbeat) -> set[str]:
        now = self._resources.clock.now()  # not the moment it came: it may have waited for the database
        if not await workers.see(tx, environment, command.worker_id, now=now):
            raise NotFound(kind="connected worker", name=command.worker_id)
        if not command.runs:
            return set()
        held = [{"run": ref.run_id, "fence": ref.fence} for ref in command.runs]
        lease_until = now + self._resources.settings.lease_ms
        return await runs.extend_leases(tx, command.worker_id, held, lease_until=lease_until)
