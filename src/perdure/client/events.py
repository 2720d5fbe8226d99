"""Server-sent events, as they are read from an answer that goes on."""

from dataclasses import dataclass

ERROR = "error"
"""The event that says why the connection is about to break."""

END = "end"
"""The event after which there are no more."""


@dataclass(frozen=True)
class Event:
    """A server-sent event."""

    name: str
    data: str


class Parser:
    """Makes events of the bytes of an answer, and remembers the id of the last."""

    def __init__(self) -> None:
        #: where to go on when the connection breaks
        self.last_id: str | None = None
        self._rest = b""

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; return the events that are whole now."""
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        return [event for block in blocks if (event := self._event(block)) is not None]

    def restart(self) -> None:
        """Forget what is not whole: the connection broke."""
        self._rest = b""

    def _event(self, block: bytes) -> Event | None:
        name, data, id = "message", [], None
        for line in block.decode("utf-8", "replace").split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match field:
                case "event":
                    name = value
                case "data":
                    data.append(value)
                case "id":
                    id = value
        self.last_id = id if id is not None else self.last_id
        return Event(name, "\n".join(data)) if data else None
