"""The engine: its systems, wired to shared resources.

The server and the tests hold an `Engine` and call `engine.<system>.<verb>(environment, …)`.
"""

import asyncio
from typing import Self

from perdure.engine.attempts import Attempts
from perdure.engine.batch_watch import BatchWatch
from perdure.engine.batches import Batches
from perdure.engine.bumps import Bumps
from perdure.engine.cancel import Cancel
from perdure.engine.catalog import Catalog
from perdure.engine.dead_letters import DeadLetters
from perdure.engine.delays import Delays
from perdure.engine.dequeue import Dequeue
from perdure.engine.enqueue import Enqueue
from perdure.engine.environments import Environments
from perdure.engine.feed import Feed
from perdure.engine.heartbeats import Heartbeats
from perdure.engine.ingest import Ingest
from perdure.engine.inputs import Inputs
from perdure.engine.keys import Keys
from perdure.engine.log_search import LogSearch
from perdure.engine.logs import Logs
from perdure.engine.measures import Measures
from perdure.engine.metadata import Metadata
from perdure.engine.pending import Pending
from perdure.engine.queues import Queues
from perdure.engine.rates import Rates
from perdure.engine.reconcile import Reconcile
from perdure.engine.replays import Replays
from perdure.engine.rescue import Rescue
from perdure.engine.resources import Resources
from perdure.engine.retention import Retention
from perdure.engine.runs import Runs
from perdure.engine.schedules import Schedules
from perdure.engine.service import Service
from perdure.engine.snapshots import SnapshotsOfRuns
from perdure.engine.streams import Streams
from perdure.engine.tags import Tags
from perdure.engine.telemetry import Telemetry
from perdure.engine.ticks import Ticks
from perdure.engine.timers import Timers
from perdure.engine.tokens import Tokens
from perdure.engine.traces import Traces
from perdure.engine.versions import Versions
from perdure.engine.why import Reasons
from perdure.engine.workers import Workers


class Engine:
    """All rules over one database."""

    def __init__(self, resources: Resources) -> None:
        """Build the systems; `start` sets the services going."""
        self.resources = resources
        self.catalog = catalog = Catalog(resources.clock)
        self.environments = Environments(resources)
        self.workers = Workers(resources, catalog)
        self.runs = Runs(resources)
        self.telemetry = Telemetry(resources)
        self.logs = Logs(resources, self.telemetry)
        self.ingest = Ingest(resources, self.telemetry)
        self.log_search = LogSearch(resources)
        self.traces = Traces(resources)
        self.measures = Measures(resources)
        self.cancel = Cancel(resources)
        self.bumps = Bumps(resources)
        self.reasons = Reasons(resources)
        self.delays = Delays(resources)
        self.metadata = Metadata(resources)
        self.tags = Tags(resources)
        self.keys = Keys(resources)
        self.enqueue = Enqueue(resources, catalog)
        self.batches = Batches(resources, self.enqueue, self.cancel)
        self.schedules = Schedules(resources, catalog, self.enqueue)
        self.snapshots = SnapshotsOfRuns(resources)
        self.replays = Replays(resources, self.enqueue, self.snapshots)
        self.dead_letters = DeadLetters(resources, self.enqueue)
        self.dequeue = Dequeue(resources, catalog)
        self.attempts = Attempts(resources, catalog)
        self.heartbeats = Heartbeats(resources)
        self.tokens = Tokens(resources)
        self.streams = Streams(resources)
        self.inputs = Inputs(resources)
        self.feed = Feed(resources)
        self.timers = Timers(resources)
        self.ticks = Ticks(resources, catalog, self.enqueue)
        self.batch_watch = BatchWatch(resources)
        self.pending = Pending(resources, catalog)
        self.queues = Queues(resources, self.environments)
        self.rates = Rates(resources)
        self.rescue = Rescue(resources)
        self.versions = Versions(resources)
        self.reconcile = Reconcile(resources)
        self.retention = Retention(resources)
        self.services: tuple[Service, ...] = (
            self.timers,
            self.ticks,
            self.batch_watch,
            self.pending,
            self.rates,
            self.rescue,
            self.versions,
            self.reconcile,
            self.retention,
            self.feed,
        )

    async def start(self) -> None:
        """Set the services going."""
        for service in self.services:
            service.start()

    async def stop(self, deadline: float = 10.0) -> None:
        """Stop the services.

        Args:
            deadline: seconds after which to give up waiting for them.
        """
        stopping = [service.stop() for service in self.services]
        if stopping:
            await asyncio.wait_for(asyncio.gather(*stopping), deadline)

    async def __aenter__(self) -> Self:
        """Start, and return the engine."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()
