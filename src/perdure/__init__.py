"""Perdure: background jobs and AI agents in plain async Python.

    from perdure import task

    @task
    async def greet(name: str) -> str:
        return f"Hello, {name}"

Everything a user needs is here; where it lives inside may change.  A name is loaded when it is first
used, so that `import perdure` costs a program next to nothing.
"""

from perdure.core.lazy import on_demand

_HOMES = {
    "AbortRun": "perdure.core.errors",
    "AnswerInvalid": "perdure.core.errors",
    "Approval": "perdure.sdk.wait",
    "AsyncClient": "perdure.client",
    "BadDuration": "perdure.core.errors",
    "BadOption": "perdure.core.errors",
    "BatchClosed": "perdure.core.errors",
    "BatchFailed": "perdure.core.errors",
    "BatchHandle": "perdure.sdk.batches",
    "BatchItem": "perdure.sdk.batches",
    "BatchResults": "perdure.sdk.batch_results",
    "CannotGoOn": "perdure.core.errors",
    "CheckpointRefused": "perdure.core.errors",
    "Client": "perdure.client",
    "Cron": "perdure.sdk.schedules",
    "Debounce": "perdure.core.debounce",
    "Forbidden": "perdure.core.errors",
    "Hooks": "perdure.sdk.hooks",
    "InputStream": "perdure.sdk.inputs",
    "ItemResult": "perdure.sdk.batch_results",
    "Local": "perdure.sdk.local",
    "NoSecretKey": "perdure.core.errors",
    "NotFound": "perdure.core.errors",
    "OutputInvalid": "perdure.core.errors",
    "OutsideRun": "perdure.core.errors",
    "PayloadInvalid": "perdure.core.errors",
    "PerdureError": "perdure.core.errors",
    "Queue": "perdure.sdk.queues",
    "RateLimit": "perdure.core.rates",
    "RecursiveWait": "perdure.core.errors",
    "Result": "perdure.sdk.hooks",
    "Retry": "perdure.core.retry",
    "RetryAt": "perdure.sdk.hooks",
    "RetryIn": "perdure.sdk.hooks",
    "RunCanceled": "perdure.sdk.cancel",
    "RunContext": "perdure.sdk.context",
    "RunEnded": "perdure.core.errors",
    "RunFailed": "perdure.core.errors",
    "RunHandle": "perdure.sdk.handle",
    "ScheduledPayload": "perdure.wire.schedules",
    "ServerUnreachable": "perdure.core.errors",
    "SkipRetry": "perdure.sdk.hooks",
    "SnapshotTooLarge": "perdure.core.errors",
    "Span": "perdure.sdk.span",
    "Stream": "perdure.sdk.streams",
    "Task": "perdure.sdk.task",
    "TaskError": "perdure.core.errors",
    "Token": "perdure.sdk.wait",
    "Unauthorized": "perdure.core.errors",
    "UnknownOption": "perdure.core.errors",
    "Unprocessable": "perdure.core.errors",
    "WaitOver": "perdure.core.errors",
    "WaitTimeout": "perdure.core.errors",
    "batch": "perdure.sdk.batches",
    "checkpoint": "perdure.sdk.wait",
    "configure": "perdure.sdk.handle",
    "ctx": "perdure.sdk.context",
    "gather": "perdure.resumable",
    "hooks": "perdure.sdk.hooks",
    "idempotency_key": "perdure.sdk.idempotency",
    "input_stream": "perdure.sdk.inputs",
    "logger": "perdure.sdk.log",
    "metadata": "perdure.sdk.metadata",
    "middleware": "perdure.sdk.hooks",
    "queue": "perdure.sdk.queues",
    "race": "perdure.resumable",
    "runs": "perdure.sdk.running",
    "schedules": "perdure.sdk.scheduling",
    "span": "perdure.sdk.span",
    "stream": "perdure.sdk.streams",
    "tags": "perdure.sdk.tags",
    "task": "perdure.sdk.task",
    "traced": "perdure.sdk.span",
    "wait": "perdure.sdk.wait",
}

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]

__getattr__, __dir__ = on_demand(__name__, _HOMES)
