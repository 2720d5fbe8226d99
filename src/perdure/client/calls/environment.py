"""What is asked of an environment."""

from typing import Any

from perdure.client.call import Call
from perdure.wire import endpoints
from perdure.wire import workers as wire
from perdure.wire.auth import Claims, EnvironmentIdentity


def tasks() -> Call[Any, wire.Tasks]:
    """List the tasks."""
    return Call(endpoints.environment.LIST_TASKS)


def workers() -> Call[Any, wire.Workers]:
    """List the workers."""
    return Call(endpoints.environment.LIST_WORKERS)


def whoami() -> Call[Any, EnvironmentIdentity]:
    """Tell which environment the key belongs to."""
    return Call(endpoints.environment.WHO_AM_I)


def claims() -> Call[Any, Claims]:
    """Get the claims of a public token."""
    return Call(endpoints.environment.JWT_CLAIMS)
