"""What each method of the clients asks for: an endpoint, its body and its path.

Said once, so that the clients differ only in how they wait.
"""

from perdure.core.lazy import on_demand

__getattr__, __dir__ = on_demand(
    __name__,
    {},
    modules=(
        "batches",
        "dead_letters",
        "environment",
        "queues",
        "realtime",
        "runs",
        "schedules",
        "streams",
        "telemetry",
        "tokens",
    ),
)
