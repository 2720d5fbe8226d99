"""Small values that several models share."""

import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from perdure.wire.model import Model

JSON = "application/json"
SUPER_JSON = "application/super+json"
TEXT = "text/plain"

MAX_TAGS = 10
Tag = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS)]


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


TagsOrOne = Annotated[Tags, BeforeValidator(_one_or_many)]
"""A list of tags, or one tag alone."""

IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
MAX_TASK_ID = 128
TaskId = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TASK_ID)]

DurationText = Annotated[str, StringConstraints(max_length=100)]
"""A duration ("1h30m") or a moment (ISO 8601), as the option that takes it says."""

VERSION = re.compile(r"^\d{8}\.\d+$")
"""What a version looks like: the day and a number, `20261121.1`."""


class EnvironmentType(StrEnum):
    """The kinds of environment, by the slugs that keys and URLs use."""

    DEV = "dev"
    STAGING = "stg"
    PREVIEW = "preview"
    PROD = "prod"


class ErrorCode(StrEnum):
    """Why Perdure, not the task, ended an attempt; the official clients know these codes."""

    CANCELLED = "TASK_RUN_CANCELLED"
    NO_TASK = "COULD_NOT_FIND_TASK"
    NO_IMPORT = "COULD_NOT_IMPORT_TASK"
    BAD_INPUT = "TASK_INPUT_ERROR"
    BAD_OUTPUT = "TASK_OUTPUT_ERROR"
    ABORTED = "TASK_EXECUTION_ABORTED"
    MIDDLEWARE = "TASK_MIDDLEWARE_ERROR"
    CATCH_ERROR = "HANDLE_ERROR_ERROR"
    EXITED = "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE"
    SEGFAULT = "TASK_PROCESS_SIGSEGV"
    KILLED = "TASK_PROCESS_SIGKILL_TIMEOUT"
    OUT_OF_MEMORY = "TASK_PROCESS_OOM_KILLED"
    MAYBE_OUT_OF_MEMORY = "TASK_PROCESS_MAYBE_OOM_KILLED"
    LOST = "TASK_RUN_HEARTBEAT_TIMEOUT"
    TOO_OFTEN_LOST = "TASK_RUN_DEQUEUED_MAX_RETRIES"
    TOO_LONG = "MAX_DURATION_EXCEEDED"
    SHUTDOWN = "GRACEFUL_EXIT_TIMEOUT"
    TOO_LARGE = "PAYLOAD_TOO_LARGE"
    NOT_TRIGGERED = "BATCH_ITEM_COULD_NOT_TRIGGER"
    INTERNAL = "TASK_RUN_CRASHED"


class Cause(Model):
    """An exception that led to another."""

    name: str | None = None
    message: str
    stack_trace: str = ""


class RunError(Model):
    """Why an attempt failed, as it is stored, and as realtime feeds and results give it.

    `BUILT_IN_ERROR` is an exception (`name`, `message`, `stack_trace`, `causes`); `INTERNAL_ERROR` is
    Perdure's own (`code`, `message`).
    """

    type: Literal["BUILT_IN_ERROR", "INTERNAL_ERROR", "STRING_ERROR", "CUSTOM_ERROR"]
    name: str | None = None
    code: ErrorCode | None = None
    message: str | None = None
    stack_trace: str | None = None
    causes: list[Cause] | None = None
    raw: str | None = None

    @classmethod
    def internal(cls, code: ErrorCode, message: str) -> "RunError":
        """Return an error of Perdure's own."""
        return cls(type="INTERNAL_ERROR", code=code, message=message)


class SerializedError(Model):
    """A run's error as the REST API shows it."""

    message: str
    name: str | None = None
    stack_trace: str | None = None
    causes: list[Cause] | None = None

    @classmethod
    def of(cls, error: RunError) -> "SerializedError":
        """Return a stored error in the form the REST API shows."""
        name = error.name or (error.code.value if error.code else None)
        message = error.message if error.message is not None else error.raw or ""
        return cls(message=message, name=name, stack_trace=error.stack_trace, causes=error.causes)


class CursorPage(Model):
    """Where a page of a list stands: pass `next` back as `page[after]`, `previous` as `page[before]`."""

    next: str | None = None
    previous: str | None = None


PageSize = Annotated[int, Field(ge=1, le=100)]


class PageQuery(Model):
    """Which page of a list that is paged by numbers."""

    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    per_page: PageSize


class OffsetPagination(Model):
    """Where a page stands in a list that is paged by numbers."""

    current_page: int
    total_pages: int
    count: int

    @classmethod
    def of(cls, asked: PageQuery, count: int) -> "OffsetPagination":
        """Return where the page that was asked for stands among so many things."""
        return cls(current_page=asked.page, total_pages=-(-count // asked.per_page), count=count)


Json = Any
"""A JSON value of the user's, which Perdure does not look into."""
