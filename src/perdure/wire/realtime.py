"""Realtime: runs as they change.

Two forms of one feed.  Ours is server-sent events, each with a `Run`.  The official clients' is that of
ElectricSQL: a list of changes of rows, with long polls, whose columns are those of the official database.
"""

from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from perdure.wire.model import Model
from perdure.wire.values import Json

EVENTS = "text/event-stream"
"""The type of an answer that is server-sent events."""


class WatchRuns(Model):
    """How runs are watched; what begins with `offset` is the official clients'."""

    skip_columns: str | None = None
    """Columns to leave out, joined by commas: `payload`, `output`, `metadata`, …"""
    offset: str = "-1"
    handle: str | None = None
    cursor: str = ""
    live: bool = False
    token: str | None = None
    """A public token, for `EventSource`, which sends no headers."""

    @property
    def skipped(self) -> frozenset[str]:
        """The columns to leave out."""
        return frozenset(name.strip() for name in (self.skip_columns or "").split(",") if name.strip())


class WatchTags(WatchRuns):
    """Which runs are watched: those that have all of some tags."""

    tags: Annotated[str, Field(min_length=1)]
    """Joined by commas."""
    created_at: str | None = None
    """Only runs made within so long, such as `1h`, or since a moment; a day at most."""


class Change(Model):
    """A change of a row, or (with `control`) a word about the feed."""

    key: str | None = None
    value: dict[str, Json] | None = None
    headers: dict[str, str]


class Changes(Model):
    """Changes, the last of them `up-to-date`; on the wire it is the bare list."""

    changes: list[Change]

    def to_json(self) -> bytes:
        """Return the list."""
        return b"[" + b",".join(change.to_json() for change in self.changes) + b"]"

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        described: dict[str, Any] = handler.resolve_ref_schema(handler(schema))
        return {"title": cls.__name__, **described["properties"]["changes"]}
