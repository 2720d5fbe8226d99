"""What the handlers of one server share."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from perdure.engine.engine import Engine
from perdure.server.auth import Authenticator
from perdure.server.holding import Holding
from perdure.server.metrics import Metrics
from perdure.server.request import Request

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the handlers of one server share."""

    engine: Engine
    authenticator: Authenticator
    metrics: Metrics
    #: the long polls
    holding: Holding = field(default_factory=Holding)

    def now(self) -> int:
        """Return the current moment in milliseconds."""
        return self.engine.resources.clock.now()

    async def hold(self, request: Request, waiting: Coroutine[Any, Any, T]) -> T:
        """Await what may take long, as `Holding.hold` says."""
        with self.metrics.held.track_inprogress():
            return await self.holding.hold(request, waiting)
