"""Whether the server answers."""

from perdure.server.handles import Call, handles
from perdure.store import overview
from perdure.wire import endpoints
from perdure.wire.auth import Health
from perdure.wire.model import Nothing


@handles(endpoints.environment.HEALTH)
async def health(call: Call, _: Nothing) -> Health:
    """Answer once the database has; an error of the database becomes a 503."""
    await call.services.engine.resources.db.read(overview.ping)
    return Health()
