"""What Prometheus reads at `/metrics`.

Counters and latencies are kept here as requests pass; what stands in the database (runs by status,
depth of queues, workers) is read when somebody asks.  The text is written by `prometheus_client`, the
project's own library: it is small, pure Python, knows the format's escapes and both of its dialects, and
adds the process's memory, files and CPU time, none of which is worth keeping here.
"""

import asyncio
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from perdure.server.export import Exported
from perdure.store.overview import Counts

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

LAG_PERIOD_S = 0.5

# From what a cached answer takes to the longest a poll is held.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The numbers of one server."""

    def __init__(self, exported: Exported | None = None) -> None:
        """Begin at zero; `exported` counts what was sent to a collector, if that is done."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "perdure_http_requests", "Requests answered.", ("endpoint", "status"), registry=self.registry
        )
        self._latency = Histogram(
            "perdure_http_request_seconds",
            "Time from request to answer; polls are held on purpose.",
            ("endpoint",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.triggered = Counter("perdure_runs_triggered", "Runs made.", registry=self.registry)
        self.claimed = Counter("perdure_runs_claimed", "Runs handed to workers.", registry=self.registry)
        self._reported = Counter(
            "perdure_runs_reported", "What workers reported of runs.", ("what",), registry=self.registry
        )
        self.held = Gauge("perdure_polls_held", "Long polls that wait now.", registry=self.registry)
        self.watchers = Gauge(
            "perdure_watchers", "Those who watch runs and read streams now.", registry=self.registry
        )
        self.dropped = Counter(
            "perdure_watchers_dropped", "Watchers dropped because they did not read.", registry=self.registry
        )
        self._lag = Gauge(
            "perdure_loop_lag_seconds", "How late the event loop ran its last timer.", registry=self.registry
        )
        self._database = _Database(exported)
        self.registry.register(self._database)
        # A label's child is looked up under a lock; requests go through these instead.
        self._seen: dict[tuple[str, int], Counter] = {}
        self._timed: dict[str, Histogram] = {}

    def observe(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        counter = self._seen.get((endpoint, status))
        if counter is None:
            counter = self._seen[endpoint, status] = self._requests.labels(endpoint, str(status))
            self._timed[endpoint] = self._latency.labels(endpoint)
        counter.inc()
        self._timed[endpoint].observe(seconds)

    def reported(self, kinds: Iterable[str]) -> None:
        """Count what a worker's report said of its runs: `started`, `succeeded`, `failed`, …"""
        for kind in kinds:
            self._reported.labels(kind).inc()

    async def watch_loop(self) -> None:
        """Measure how late the event loop is, until canceled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_PERIOD_S
            await asyncio.sleep(LAG_PERIOD_S)
            self._lag.set(max(0.0, loop.time() - due))

    def expose(self, counts: Counts, dropped: Mapping[str, int]) -> bytes:
        """Return the text that Prometheus reads.

        Args:
            counts: what stands in the database now.
            dropped: how many lines and spans were dropped, by environment's id.
        """
        self._database.counts, self._database.dropped = counts, dropped
        return generate_latest(self.registry)


class _Database(Collector):
    """Gauges that are made of what was just read from the database."""

    counts: Counts | None = None
    dropped: Mapping[str, int] = MappingProxyType({})

    def __init__(self, exported: Exported | None) -> None:
        self._exported = exported

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges; none before the first reading."""
        counts = self.counts
        if counts is None:
            return
        runs = GaugeMetricFamily("perdure_runs", "Runs.", labels=("environment", "status"))
        for environment, status, number in counts.runs:
            runs.add_metric((environment, status), number)
        ready = GaugeMetricFamily(
            "perdure_queue_ready", "Runs that may start.", labels=("environment", "queue")
        )
        for environment, queue, number in counts.ready:
            ready.add_metric((environment, queue), number)
        running = GaugeMetricFamily("perdure_queue_running", "Runs held.", labels=("environment", "queue"))
        for environment, queue, number in counts.running:
            running.add_metric((environment, queue), number)
        workers = GaugeMetricFamily("perdure_workers", "Workers connected.", labels=("environment",))
        for environment, number in counts.workers:
            workers.add_metric((environment,), number)
        dropped = CounterMetricFamily(
            "perdure_telemetry_dropped",
            "Log lines and spans that came too fast, or were over the limit of their run.",
            labels=("environment",),
        )
        for environment, number in self.dropped.items():
            dropped.add_metric((environment,), number)
        yield from (runs, ready, running, workers, dropped)
        if self._exported is not None:
            told = "Spans and log lines that a collector %s."
            sent = CounterMetricFamily("perdure_export_sent", told % "took", self._exported.sent)
            lost = CounterMetricFamily(
                "perdure_export_dropped", told % "did not take", self._exported.dropped
            )
            yield from (sent, lost)
