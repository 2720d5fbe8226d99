"""What task code touches: tasks, hooks, the context of a run, logs and metadata."""

from perdure.core.lazy import on_demand

__getattr__, __dir__ = on_demand(
    __name__,
    {},
    modules=(
        "batch_waits",
        "codec",
        "listening",
        "parking",
        "schedules",
        "span",
        "tokens",
        "tracing",
        "waits",
        "writing",
    ),
)
