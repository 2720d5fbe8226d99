"""Every endpoint, once.

To add one: a line in the file of its resource, a handler in `server`, a method in `client`.
"""

from perdure.wire.endpoint import Endpoint
from perdure.wire.endpoints import (
    batches,
    dead_letters,
    environment,
    queues,
    realtime,
    runs,
    schedules,
    streams,
    telemetry,
    tokens,
    workers,
)

ENDPOINTS: tuple[Endpoint, ...] = tuple(
    value
    for resource in (
        runs,
        batches,
        realtime,
        streams,
        dead_letters,
        queues,
        schedules,
        telemetry,
        tokens,
        environment,
        workers,
    )
    for value in vars(resource).values()
    if isinstance(value, Endpoint)
)
"""All of them."""
