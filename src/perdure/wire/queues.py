"""Queues as the API shows them, and what can be asked of them at run time.

Names and shapes are those of the Trigger.dev API; limits over all keys, rates, keys and the environment's
own limit are ours.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from perdure.wire.manifests import Limit, Rate
from perdure.wire.model import Model
from perdure.wire.values import DurationText, EnvironmentType, OffsetPagination, PageQuery, PageSize

MAX_LIMIT = 100_000

QueueType = Literal["task", "custom"]
"""A task's own queue, named by the task; or one that code defines by name."""

Named = Literal["id", "task", "custom"]
"""What the queue in a path is named by."""

Action = Literal["pause", "resume"]


class _Shown(Model):
    """A model whose empty fields are null in JSON, not absent: the official client asks for that here."""

    def to_json(self) -> bytes:
        """Return the JSON that goes over the wire."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True)

    def to_wire(self) -> dict[str, Any]:
        """Return the same as a dict of JSON values."""
        return self.model_dump(mode="json", by_alias=True)


class Concurrency(Model):
    """The limit of a queue, and where it is from."""

    current: int | None = None
    """What counts; null: none but the environment's."""
    base: int | None = None
    """What the code says."""
    override: int | None = None
    """What was set in its place at run time."""
    overridden_at: datetime | None = None
    overridden_by: str | None = None
    """Always null here: keys have no names."""


class Queue(_Shown):
    """A queue, and its load."""

    id: str
    name: str
    """Of a task's own queue, the task's id."""
    type: QueueType
    running: int
    """Runs that hold a slot, over all concurrency keys."""
    queued: int
    """Runs that may start, over all of them."""
    paused: bool
    concurrency_limit: int | None = None
    """How many runs of each concurrency key may run at once."""
    concurrency: Concurrency
    total_limit: int | None = None
    """How many of all keys together."""
    rate_limit: Rate | None = None
    paused_at: datetime | None = None


class QueuePage(_Shown):
    """A page of queues, by name."""

    data: list[Queue]
    pagination: OffsetPagination


class QueueFilter(PageQuery):
    """Which page of the queues."""

    per_page: PageSize = 25


class QueueChoice(Model):
    """What a queue is named by."""

    type: Named = "id"


class PauseQueue(QueueChoice):
    """Whether new runs of a queue start."""

    action: Action


class OverrideLimit(QueueChoice):
    """Another limit in place of the one in the code."""

    concurrency_limit: Limit


class KeyChoice(QueueChoice):
    """How many keys to show."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20


class QueueKey(Model):
    """A concurrency key of a queue that has runs waiting."""

    key: str | None = None
    """Null: runs without a key."""
    queued: int
    running: int
    oldest_at: datetime | None = None
    """Since when the run that is next waits."""
    closed_until: datetime | None = None
    """When the key's rate gives a run again, if one waits for that."""


class QueueKeys(_Shown):
    """A queue, and its keys with the most runs waiting."""

    queue: Queue
    oldest_at: datetime | None = None
    """Since when the oldest run that is next in its line waits."""
    closed_until: datetime | None = None
    """When the queue's rate gives a run again, if one waits for that."""
    keys: list[QueueKey]


class EnvironmentLoad(_Shown):
    """An environment, its limit and its load."""

    id: str
    slug: str
    type: EnvironmentType
    project: str
    running: int
    queued: int
    paused: bool
    paused_at: datetime | None = None
    concurrency_limit: int | None = None
    """How many of its runs may run at once, and how many of any one queue; null: no limit."""
    burst_factor: float
    """All queues together may have so many times the limit."""
    default_ttl: str | None = None
    """How long runs may wait for a worker if neither trigger nor task says; null: for ever."""
    default_ttl_override: str | None = None
    """The same, as it was set at run time (`0s`: for ever); null: as the server says."""


class PauseEnvironment(Model):
    """Whether new runs of an environment start."""

    action: Action


class SetDefaultTtl(Model):
    """How long runs of an environment may wait for a worker if neither trigger nor task says."""

    ttl: DurationText | Annotated[int, Field(ge=0)] | None
    """0: for ever.  Null: as the server says."""

    def to_json(self) -> bytes:
        """Return the JSON that goes over the wire: here null says something."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True)


class LimitEnvironment(Model):
    """How many runs of an environment may run at once."""

    concurrency_limit: Limit | None
    """Null: no limit."""
    burst_factor: Annotated[float, Field(ge=1, le=100)] | None = None
    """Left out: as it was."""

    def to_json(self) -> bytes:
        """Return the JSON that goes over the wire: here null says something, and what is unset does not."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_unset=True)
