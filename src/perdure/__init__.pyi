from perdure.client import (
    AsyncClient,
    Client,
)
from perdure.core.errors import (
    AbortRun,
    BadDuration,
    BadOption,
    Forbidden,
    NoSecretKey,
    NotFound,
    OutputInvalid,
    OutsideRun,
    PayloadInvalid,
    PerdureError,
    RunFailed,
    ServerUnreachable,
    TaskError,
    Unauthorized,
    UnknownOption,
    Unprocessable,
)
from perdure.core.retry import Retry
from perdure.sdk.cancel import RunCanceled
from perdure.sdk.context import (
    RunContext,
    ctx,
)
from perdure.sdk.handle import (
    RunHandle,
    configure,
)
from perdure.sdk.hooks import (
    Hooks,
    Result,
    RetryAt,
    RetryIn,
    SkipRetry,
    hooks,
    middleware,
)
from perdure.sdk.idempotency import idempotency_key
from perdure.sdk.local import Local
from perdure.sdk.log import logger
from perdure.sdk.metadata import metadata
from perdure.sdk.queues import (
    Queue,
    queue,
)
from perdure.sdk.tags import tags
from perdure.sdk.task import (
    Task,
    task,
)

__all__ = [
    "AbortRun",
    "AsyncClient",
    "BadDuration",
    "BadOption",
    "Client",
    "Forbidden",
    "Hooks",
    "Local",
    "NoSecretKey",
    "NotFound",
    "OutputInvalid",
    "OutsideRun",
    "PayloadInvalid",
    "PerdureError",
    "Queue",
    "Result",
    "Retry",
    "RetryAt",
    "RetryIn",
    "RunCanceled",
    "RunContext",
    "RunFailed",
    "RunHandle",
    "ServerUnreachable",
    "SkipRetry",
    "Task",
    "TaskError",
    "Unauthorized",
    "UnknownOption",
    "Unprocessable",
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
