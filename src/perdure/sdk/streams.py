"""`stream`: what a task writes while it runs, for whoever reads it, now or later.

    tokens = stream[str]("tokens")

    @task
    async def answer(question: str) -> str:
        await tokens.pipe(model.generate(question))

    async for token in tokens.read(run.id): ...

Chunks are sent as they come: the first at once, and those that come while it is on its way together after it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager, closing
from typing import Any, Generic, TypeVar, get_args

from perdure import client, sdk
from perdure.core.errors import BadOption, OutsideRun
from perdure.sdk import context
from perdure.sdk.handle import clients

T = TypeVar("T")


class Named(Generic[T]):
    """Something with a name, and a type that its values have; `Any` if nothing is said of it."""

    def __init__(self, name: str) -> None:
        if not name or len(name) > 256 or name.startswith("$trigger."):
            expected = "1 to 256 characters, and no $trigger. before them"
            raise BadOption(option="name", value=name, expected=expected)
        self.name = name
        self._codec: sdk.codec.Codec | None = None

    @property
    def codec(self) -> sdk.codec.Codec:
        """Reads and writes the values."""
        if self._codec is None:
            hints = get_args(getattr(self, "__orig_class__", None))
            self._codec = sdk.codec.Codec(Any if not hints or isinstance(hints[0], TypeVar) else hints[0])
        return self._codec

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class Stream(Named[T]):
    """A stream of a run; `T` is the type of its chunks."""

    async def pipe(
        self,
        chunks: AsyncIterable[T] | Iterable[T],
        *,
        target: client.calls.streams.Target = "self",
        run: str | None = None,
    ) -> int:
        """Write all chunks of an iterable, as they come; return how many, once they are stored.

        Args:
            chunks: a generator, say, or the answer of a model.
            target: the run's own stream, its parent's or its root's.
            run: whose stream it is, where no run is.

        Raises:
            OutsideRun: no run is here, and none is named.
            Unwritable: a chunk is no JSON.
        """
        count = 0
        async with self.writer(target=target, run=run) as writer:
            if isinstance(chunks, AsyncIterable):
                async for chunk in chunks:
                    await writer.write(chunk)
                    count += 1
            else:
                for chunk in chunks:
                    await writer.write(chunk)
                    count += 1
        return count

    @asynccontextmanager
    async def writer(
        self, *, target: client.calls.streams.Target = "self", run: str | None = None
    ) -> AsyncIterator[sdk.writing.Writer[T]]:
        """Write inside the block; at its end all is stored.  Takes and raises what `pipe` does."""
        writer = sdk.writing.Writer(self.name, self.codec, *_place(run), target=target)
        try:
            yield writer
        finally:
            await writer.close()

    async def append(
        self, *chunks: T, target: client.calls.streams.Target = "self", run: str | None = None
    ) -> None:
        """Write some chunks; return when they are stored.  Takes and raises what `pipe` does."""
        async with self.writer(target=target, run=run) as writer:
            for chunk in chunks:
                await writer.write(chunk)

    def append_sync(
        self, *chunks: T, target: client.calls.streams.Target = "self", run: str | None = None
    ) -> None:
        """Write some chunks as `append` does, blocking."""
        self.pipe_sync(chunks, target=target, run=run)

    def pipe_sync(
        self,
        chunks: Iterable[T],
        *,
        target: client.calls.streams.Target = "self",
        run: str | None = None,
    ) -> int:
        """Write all chunks of an iterable, blocking; each as it comes."""
        where, attempt = _place(run)
        writer = clients.blocking.streams.writer(where, self.name, target=target, attempt=attempt)
        count = 0
        for chunk in chunks:
            writer.write_lines([self.codec.write_json(chunk)])
            count += 1
        return count

    async def read(self, run: str | Any, *, start: client.calls.streams.Start = 0) -> AsyncGenerator[T]:
        """Go through the chunks of a run's stream, those there are and those to come, until it has ended.

        A connection that breaks is made again, and nothing is lost or told twice.

        Args:
            run: its id, or its handle.
            start: the number of the first chunk; or `"latest"`, only what is yet to come; or `"attempt"`,
                what the run's last try has written.

        Raises:
            NotFound: there is no such run.
            Unfit: a chunk is of another type.
        """
        async with aclosing(self.records(run, start=start)) as records:
            async for record in records:
                yield record.data

    async def records(
        self, run: str | Any, *, start: client.calls.streams.Start = 0
    ) -> AsyncGenerator[client.calls.streams.Record]:
        """Go through the chunks as `read` does, each with its number, its time and the try that wrote it.

        A try that follows an error adds to what the one before has written: whoever shows a text begins it
        anew when `attempt` changes.
        """
        found = clients.asynchronous.streams.read(_id(run), self.name, start=start)
        async with aclosing(found) as records:
            async for record in records:
                yield self._typed(record)

    def read_sync(self, run: str | Any, *, start: client.calls.streams.Start = 0) -> Iterator[T]:
        """Go through the chunks as `read` does, blocking."""
        with closing(clients.blocking.streams.read(_id(run), self.name, start=start)) as records:
            for record in records:
                yield self._typed(record).data

    def _typed(self, record: client.calls.streams.Record) -> client.calls.streams.Record:
        return client.calls.streams.Record(
            self.codec.read(record.data), record.number, record.attempt, record.time
        )


def _place(run: str | None) -> tuple[str, int]:
    """Return the run that is written to, and the number of its try, or 0 from outside of it."""
    inside = context.current()
    if inside is not None and run in (None, inside.run.id):
        return inside.run.id, inside.attempt.number
    if run is None:
        raise OutsideRun(what="a stream without run=…")
    return run, 0


def _id(run: str | Any) -> str:
    return run if isinstance(run, str) else run.id


stream = Stream
"""`stream[str]("tokens")` declares a stream."""
