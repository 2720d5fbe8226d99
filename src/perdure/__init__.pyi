from perdure.client import (
    AsyncClient,
    Client,
)
from perdure.core.debounce import Debounce
from perdure.core.errors import (
    AbortRun,
    AnswerInvalid,
    BadDuration,
    BadOption,
    BatchClosed,
    BatchFailed,
    CannotGoOn,
    CheckpointRefused,
    Forbidden,
    NoSecretKey,
    NotFound,
    OutputInvalid,
    OutsideRun,
    PayloadInvalid,
    PerdureError,
    RecursiveWait,
    RunEnded,
    RunFailed,
    ServerUnreachable,
    SnapshotTooLarge,
    TaskError,
    Unauthorized,
    UnknownOption,
    Unprocessable,
    WaitOver,
    WaitTimeout,
)
from perdure.core.rates import RateLimit
from perdure.core.retry import Retry
from perdure.resumable import (
    gather,
    race,
)
from perdure.sdk.batch_results import (
    BatchResults,
    ItemResult,
)
from perdure.sdk.batches import (
    BatchHandle,
    BatchItem,
    batch,
)
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
from perdure.sdk.inputs import (
    InputStream,
    input_stream,
)
from perdure.sdk.local import Local
from perdure.sdk.log import logger
from perdure.sdk.metadata import metadata
from perdure.sdk.queues import (
    Queue,
    queue,
)
from perdure.sdk.running import runs
from perdure.sdk.schedules import Cron
from perdure.sdk.scheduling import schedules
from perdure.sdk.span import (
    Span,
    span,
    traced,
)
from perdure.sdk.streams import (
    Stream,
    stream,
)
from perdure.sdk.tags import tags
from perdure.sdk.task import (
    Task,
    task,
)
from perdure.sdk.wait import (
    Approval,
    Token,
    checkpoint,
    wait,
)
from perdure.wire.schedules import ScheduledPayload

__all__ = [
    "AbortRun",
    "AnswerInvalid",
    "Approval",
    "AsyncClient",
    "BadDuration",
    "BadOption",
    "BatchClosed",
    "BatchFailed",
    "BatchHandle",
    "BatchItem",
    "BatchResults",
    "CannotGoOn",
    "CheckpointRefused",
    "Client",
    "Cron",
    "Debounce",
    "Forbidden",
    "Hooks",
    "InputStream",
    "ItemResult",
    "Local",
    "NoSecretKey",
    "NotFound",
    "OutputInvalid",
    "OutsideRun",
    "PayloadInvalid",
    "PerdureError",
    "Queue",
    "RateLimit",
    "RecursiveWait",
    "Result",
    "Retry",
    "RetryAt",
    "RetryIn",
    "RunCanceled",
    "RunContext",
    "RunEnded",
    "RunFailed",
    "RunHandle",
    "ScheduledPayload",
    "ServerUnreachable",
    "SkipRetry",
    "SnapshotTooLarge",
    "Span",
    "Stream",
    "Task",
    "TaskError",
    "Token",
    "Unauthorized",
    "UnknownOption",
    "Unprocessable",
    "WaitOver",
    "WaitTimeout",
    "batch",
    "checkpoint",
    "configure",
    "ctx",
    "gather",
    "hooks",
    "idempotency_key",
    "input_stream",
    "logger",
    "metadata",
    "middleware",
    "queue",
    "race",
    "runs",
    "schedules",
    "span",
    "stream",
    "tags",
    "task",
    "traced",
    "wait",
]
