"""What the handlers of one server share."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from perdure.engine.engine import Engine
from perdure.server.auth import Authenticator
from perdure.server.holding import Holding
from perdure.server.metrics import Metrics
from perdure.server.rendering import Renderer
from perdure.server.request import Request

T = TypeVar("T")


@dataclass(kw_only=True)
class Watching:
    """Those who watch runs and read streams of one server."""

    #: how many there are
    count: int = 0
    #: how long one may not read, in seconds, before it is dropped
    patience_s: float = 30.0
    #: how long a long poll is held, in seconds (Trigger.dev's number)
    live_s: float = 20.0


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the handlers of one server share."""

    engine: Engine
    authenticator: Authenticator
    metrics: Metrics
    #: the long polls
    holding: Holding = field(default_factory=Holding)
    watching: Watching = field(default_factory=Watching)
    renderer: Renderer = field(default_factory=Renderer)

    def now(self) -> int:
        """Return the current moment in milliseconds."""
        return self.engine.resources.clock.now()

    async def hold(self, request: Request, waiting: Coroutine[Any, Any, T]) -> T:
        """Await what may take long, as `Holding.hold` says."""
        with self.metrics.held.track_inprogress():
            return await self.holding.hold(request, waiting)
