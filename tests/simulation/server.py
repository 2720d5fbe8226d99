"""A server of a simulation: the real application and engine, over the simulated disk and network."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from perdure.core.clock import SystemClock
from perdure.engine.engine import Engine
from perdure.engine.resources import EngineSettings, Resources
from perdure.server.app import create_app
from perdure.store.database import Database
from perdure.store.schema import MAIN, TELEMETRY, Schema
from tests.simulation.network import Network
from tests.simulation.process import Process

SETTINGS = EngineSettings(
    lease_ms=9_000,
    heartbeat_ms=3_000,
    keep_version_ms=20_000,
    max_losses=40,
    slow_look_ms=4_000,
    run_retention_ms=None,
    log_retention_ms=None,
    ttl_ms={},
)
"""Shorter than in life, so that more happens; a run is not given up for losing its worker."""

Open = Callable[[Schema], Awaitable[Database]]
"""Opens a database in the process that calls it."""


@dataclass(frozen=True)
class Ground:
    """What servers stand on."""

    open: Open
    network: Network
    dice: Random


async def serve(process: Process, ground: Ground) -> None:
    """Start a server in its process; it goes on until that dies."""
    db, telemetry = await ground.open(MAIN), await ground.open(TELEMETRY)
    clock = SystemClock()
    engine = Engine(
        Resources(db=db, telemetry=telemetry, clock=clock, settings=SETTINGS, dice=ground.dice.random)
    )
    await engine.start()
    ground.network.servers[process] = create_app(engine)
    process.on_death.append(lambda: ground.network.servers.pop(process, None))
