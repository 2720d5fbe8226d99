"""Dead letters: runs that failed for good, kept until somebody redrives or discards them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from perdure.core.lifecycle import Status
from perdure.wire.model import Model, StrictModel
from perdure.wire.values import CursorPage, SerializedError

MAX_LETTERS = 1_000
"""The most letters that one request redrives or discards."""


class DeadLetter(Model):
    """A run that failed for good."""

    run: str
    task_identifier: str
    queue: str
    status: Status
    failed_at: datetime
    error: SerializedError | None = None
    attempt_count: int = 0
    redriven_at: datetime | None = None
    """Since when it is off the list."""
    redriven_as: str | None = None
    """The run that was made in its place."""


class DeadLetterPage(Model):
    """A page of letters, those that failed last first."""

    data: list[DeadLetter]
    pagination: CursorPage = CursorPage()


class DeadLetterFilter(Model):
    """Which letters to list; names are joined by commas, and each filter narrows the result."""

    task: Annotated[str | None, Field(alias="filter[taskIdentifier]")] = None
    queue: Annotated[str | None, Field(alias="filter[queue]")] = None
    status: Annotated[str | None, Field(alias="filter[status]")] = None
    failed_from: Annotated[str | None, Field(alias="filter[failedAt][from]")] = None
    failed_to: Annotated[str | None, Field(alias="filter[failedAt][to]")] = None
    period: Annotated[str | None, Field(alias="filter[failedAt][period]")] = None
    state: Annotated[Literal["open", "redriven", "all"], Field(alias="filter[state]")] = "open"
    size: Annotated[int, Field(alias="page[size]", ge=1, le=100)] = 25
    after: Annotated[str | None, Field(alias="page[after]")] = None


class ChooseLetters(StrictModel):
    """Which letters to redrive or discard: those of some runs, or all that pass the filters."""

    runs: Annotated[list[str], Field(min_length=1, max_length=MAX_LETTERS)] | None = None
    all: bool = False
    """All on the list that pass the filters, which are as those of the list."""
    task: str | None = None
    queue: str | None = None
    status: str | None = None
    failed_from: str | None = None
    failed_to: str | None = None
    period: str | None = None


class Redriven(Model):
    """A letter, and the run that was made in its place."""

    run: str
    redriven_as: str


class LettersRedriven(Model):
    """What was redriven, the oldest first."""

    redriven: list[Redriven]
    has_more: bool = False
    """Whether to ask again for the rest, as one request does 1,000 letters; with `failed_to` as below."""
    failed_to: datetime
    """Nothing that failed later was looked at, so that asking again comes to an end."""


class LettersDiscarded(Model):
    """The runs whose letters were discarded, the oldest first."""

    discarded: list[str]
    has_more: bool = False
    """As of `LettersRedriven`."""
    failed_to: datetime
