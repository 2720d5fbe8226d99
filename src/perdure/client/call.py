"""One call of an endpoint, and who can make it."""

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol

from perdure.client.events import Event
from perdure.client.settings import Access
from perdure.core.names import check_options
from perdure.wire.endpoint import Endpoint, In, Out


@dataclass(frozen=True)
class Call(Generic[In, Out]):
    """One call of an endpoint."""

    endpoint: Endpoint[In, Out]
    body: In | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class Sender(Protocol):
    """Makes calls, blocking until each is answered."""

    @property
    def access(self) -> Access:
        """Where the server is, and the key to it."""
        ...

    def send(self, call: Call[In, Out]) -> Out:
        """Make a call."""
        ...


class AsyncSender(Protocol):
    """Makes calls, for asyncio."""

    @property
    def access(self) -> Access:
        """Where the server is, and the key to it."""
        ...

    async def send(self, call: Call[In, Out]) -> Out:
        """Make a call."""
        ...


class Watcher(Sender, Protocol):
    """Makes calls, blocking, also those whose answers go on."""

    def events(self, call: Call[Any, Any]) -> Generator[Event]:
        """Make a call whose answer is events, and go through them."""
        ...


class AsyncWatcher(AsyncSender, Protocol):
    """Makes calls, for asyncio, also those whose answers go on."""

    def events(self, call: Call[Any, Any]) -> AsyncGenerator[Event]:
        """Make a call whose answer is events, and go through them."""
        ...


def query(filters: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """Return filters as a query spells them: moments as text, lists with commas.

    Raises:
        BadOption: a filter is unknown; the nearest is named.
    """
    check_options(filters, known)
    return {name: _text(value) for name, value in filters.items() if value is not None}


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (list, tuple, set)):
        return ",".join(map(str, value))
    return value
