"""What crosses a process boundary: endpoints, the models they take and give, and the error body."""

from perdure.core.lazy import on_demand

__getattr__, __dir__ = on_demand(
    __name__,
    {},
    modules=(
        "batches",
        "manifests",
        "otlp",
        "queues",
        "runs",
        "schedules",
        "streams",
        "telemetry",
        "values",
        "waits",
        "why",
        "workers",
    ),
)
