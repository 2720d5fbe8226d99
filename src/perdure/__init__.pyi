from perdure.client import AsyncClient as AsyncClient, Client as Client
from perdure.core.errors import AbortRun as AbortRun, PerdureError as PerdureError, RunFailed as RunFailed
from perdure.core.retry import Retry as Retry
from perdure.sdk.cancel import RunCanceled as RunCanceled
from perdure.sdk.context import ctx as ctx
from perdure.sdk.handle import RunHandle as RunHandle, configure as configure
from perdure.sdk.hooks import (
    Result as Result,
    RetryAt as RetryAt,
    RetryIn as RetryIn,
    SkipRetry as SkipRetry,
    hooks as hooks,
    middleware as middleware,
)
from perdure.sdk.idempotency import idempotency_key as idempotency_key
from perdure.sdk.local import Local as Local
from perdure.sdk.log import logger as logger
from perdure.sdk.metadata import metadata as metadata
from perdure.sdk.queues import Queue as Queue, queue as queue
from perdure.sdk.tags import tags as tags
from perdure.sdk.task import Task as Task, task as task

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
