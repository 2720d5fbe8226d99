"""Perdure: background jobs and AI agents in plain async Python.

    from perdure import task

    @task
    async def greet(name: str) -> str:
        return f"Hello, {name}"

Everything a user needs is here; where it lives inside may change.  A name is loaded when it is first
used, so that `import perdure` costs a program next to nothing.
"""

from importlib import import_module

_HOMES = {
    "AbortRun": "perdure.core.errors",
    "AsyncClient": "perdure.client",
    "Client": "perdure.client",
    "Local": "perdure.sdk.local",
    "PerdureError": "perdure.core.errors",
    "Queue": "perdure.sdk.queues",
    "Result": "perdure.sdk.hooks",
    "Retry": "perdure.core.retry",
    "RetryAt": "perdure.sdk.hooks",
    "RetryIn": "perdure.sdk.hooks",
    "RunCanceled": "perdure.sdk.cancel",
    "RunFailed": "perdure.core.errors",
    "RunHandle": "perdure.sdk.handle",
    "SkipRetry": "perdure.sdk.hooks",
    "Task": "perdure.sdk.task",
    "configure": "perdure.sdk.handle",
    "ctx": "perdure.sdk.context",
    "hooks": "perdure.sdk.hooks",
    "idempotency_key": "perdure.sdk.idempotency",
    "logger": "perdure.sdk.log",
    "metadata": "perdure.sdk.metadata",
    "middleware": "perdure.sdk.hooks",
    "queue": "perdure.sdk.queues",
    "tags": "perdure.sdk.tags",
    "task": "perdure.sdk.task",
}

__all__ = [
    "AbortRun",
    "AsyncClient",
    "Client",
    "Local",
    "PerdureError",
    "Queue",
    "Result",
    "Retry",
    "RetryAt",
    "RetryIn",
    "RunCanceled",
    "RunFailed",
    "RunHandle",
    "SkipRetry",
    "Task",
    "configure",
    "ctx",
    "hooks",
    "idempotency_key",
    "logger",
    "metadata",
    "middleware",
    "queue",
    "tags",
    "task",
]


def __getattr__(name: str) -> object:
    """Load a name of the public face."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'perdure' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, whether they are loaded or not."""
    return sorted({*globals(), *__all__})
