"""What a supervisor and its own processes say to each other, over a socket pair.

A frame is four bytes of length (big-endian) and one message in JSON, whose `type` says which it is.
The zygote imports the user's code once and forks executors on demand; an executor runs attempts.
There is no message to end: a process whose pipe is closed has no one to work for, and ends.
"""

import struct
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter

from perdure.core.errors import TooLarge
from perdure.wire.endpoint import MEGABYTE
from perdure.wire.manifests import ImportProblem, QueueManifest, TaskManifest
from perdure.wire.model import Model
from perdure.wire.telemetry import SpanRecord
from perdure.wire.workers import (
    Assignment,
    Canceled,
    Checkpointed,
    Failed,
    LogLine,
    MetadataChanged,
    Parked,
    Pinned,
    Succeeded,
    Wake,
    WorkerEnvironment,
)

MAX_FRAME = 64 * MEGABYTE
"""No message is larger; a longer one means that the stream is broken."""

MAX_OUTPUT = 10 * MEGABYTE
"""The largest result of a run, in bytes of its JSON."""

_LENGTH = struct.Struct(">I")

AnyModel = TypeVar("AnyModel", bound=Model)


# Zygote.


class Discovered(Model):
    """The project was imported: what is in it (zygote → supervisor, once)."""

    type: Literal["discovered"] = "discovered"
    tasks: list[TaskManifest]
    queues: list[QueueManifest]
    problems: list[ImportProblem]
    code_hash: str
    threads: list[str]
    """Threads that importing the project started; a fork does not have them."""


class Unloadable(Model):
    """The project can't be loaded at all, so nothing of it can run (zygote → supervisor, once)."""

    type: Literal["unloadable"] = "unloadable"
    message: str


class Fork(Model):
    """Fork an executor; its end of the pipe comes with this message (supervisor → zygote)."""

    type: Literal["fork"] = "fork"


class Kill(Model):
    """Kill an executor and all it has started (supervisor → zygote)."""

    type: Literal["kill"] = "kill"
    pid: int


class Forked(Model):
    """An executor was forked; answers come in the order of the requests (zygote → supervisor)."""

    type: Literal["forked"] = "forked"
    pid: int


class Exited(Model):
    """An executor ended (zygote → supervisor)."""

    type: Literal["exited"] = "exited"
    pid: int
    status: int
    """The exit code, or the negative number of the signal that ended it."""


ToZygote = Annotated[Fork | Kill, Field(discriminator="type")]
FromZygote = Annotated[Discovered | Unloadable | Forked | Exited, Field(discriminator="type")]


# Supervisor → executor.


class Begin(Model):
    """What holds for all runs of an executor; the first message."""

    type: Literal["begin"] = "begin"
    environment: WorkerEnvironment
    is_shared: bool = False
    """Many async runs at once, instead of one at a time."""
    clock_ms: int = 0
    """How far the server's clock is ahead of this machine's."""


class Start(Model):
    """Run an attempt."""

    type: Literal["start"] = "start"
    run: Assignment


class Stop(Model):
    """End a run: it is canceled, or it is not this worker's any more."""

    type: Literal["stop"] = "stop"
    run_id: str


class Flushed(Model):
    """Everything a run had changed before it asked stands in the database."""

    type: Literal["flushed"] = "flushed"
    run_id: str
    number: int


class Stored(Model):
    """A run's checkpoint stands in the database."""

    type: Literal["stored"] = "stored"
    run_id: str
    number: int
    """Of the stored state."""


class Woken(Model):
    """A run that waits in memory may go on."""

    type: Literal["woken"] = "woken"
    wake: Wake


ToExecutor = Annotated[Begin | Start | Stop | Flushed | Stored | Woken, Field(discriminator="type")]


# Executor → supervisor.


class Ready(Model):
    """The executor takes runs."""

    type: Literal["ready"] = "ready"
    memory: int
    """Resident memory of the process, in bytes."""


class Logged(Model):
    """Lines of the runs' logs, and their spans."""

    type: Literal["logged"] = "logged"
    lines: list[LogLine] = []
    spans: list[SpanRecord] = []


class Changed(Model):
    """Changes of a run's metadata or tags."""

    type: Literal["changed"] = "changed"
    change: MetadataChanged


class Flush(Model):
    """Answer with `Flushed` when all that this run has changed is stored."""

    type: Literal["flush"] = "flush"
    run_id: str
    number: int


class Told(Model):
    """A run waits in memory, or wants a checkpoint stored, and is still here."""

    type: Literal["told"] = "told"
    item: Annotated[Pinned | Checkpointed, Field(discriminator="type")]


class Finished(Model):
    """An attempt ended, or is parked."""

    type: Literal["finished"] = "finished"
    result: Annotated[Succeeded | Failed | Canceled | Parked, Field(discriminator="type")]
    memory: int
    """Resident memory of the process, in bytes."""
    is_spent: bool = False
    """The run left something behind, so the process must not be used again."""


FromExecutor = Annotated[Ready | Logged | Changed | Flush | Told | Finished, Field(discriminator="type")]

TO_ZYGOTE: TypeAdapter[ToZygote] = TypeAdapter(ToZygote)
FROM_ZYGOTE: TypeAdapter[FromZygote] = TypeAdapter(FromZygote)
TO_EXECUTOR: TypeAdapter[ToExecutor] = TypeAdapter(ToExecutor)
FROM_EXECUTOR: TypeAdapter[FromExecutor] = TypeAdapter(FromExecutor)


def frame(message: Model) -> bytes:
    """Return a message as it goes over the pipe.

    Raises:
        TooLarge: the message is over the limit of a frame.
    """
    body = message.to_json()
    if len(body) > MAX_FRAME:
        raise TooLarge(what=f"A {type(message).__name__} message", size=len(body), limit=MAX_FRAME)
    return _LENGTH.pack(len(body)) + body


class Frames:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read, and return the bodies of the messages that it completed.

        Raises:
            TooLarge: the stream is broken: no message is that long.
        """
        self._buffer += data
        bodies = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            if length > MAX_FRAME:
                raise TooLarge(what="A message on the pipe", size=length, limit=MAX_FRAME)
            end = start + _LENGTH.size + length
            if end > len(self._buffer):
                break
            bodies.append(bytes(self._buffer[start + _LENGTH.size : end]))
            start = end
        del self._buffer[:start]
        return bodies
