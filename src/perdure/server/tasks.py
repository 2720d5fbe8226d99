"""The tasks that can be triggered."""

from perdure.server.handles import Call, handles
from perdure.wire import endpoints
from perdure.wire.model import Nothing
from perdure.wire.workers import Tasks


@handles(endpoints.environment.LIST_TASKS)
async def list_tasks(call: Call, _: Nothing) -> Tasks:
    """Show the tasks of the current version, and what did not import."""
    return await call.services.engine.workers.tasks(call.environment)
