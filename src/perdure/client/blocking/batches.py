# Written by ./dev gen from perdure/client/asynchronous; edit that.

"""Batches, for blocking code."""

from collections.abc import Iterator, Mapping
from typing import Any

from perdure.client.call import Sender
from perdure.client.calls import batches as calls
from perdure.client.calls.runs import Link
from perdure.client.chunks import Chunk, Chunks, Items, Pack, Packed
from perdure.client.idempotency import IdempotencyKey, make_key
from perdure.client.results import Deadline
from perdure.core.duration import Duration
from perdure.core.errors import NotFound
from perdure.wire import batches as wire


class Batches:
    """Many runs triggered as one."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def trigger(
        self,
        items: Items[Mapping[str, Any]],
        *,
        idempotency_key: str | IdempotencyKey | None = None,
    ) -> list[wire.CreatedBatch]:
        """Trigger many runs; return their batches, of at most 1,000 runs each, in the order of the items.

        Items are sent as they come, so that a stream of any length takes no more memory than two batches.

        Args:
            items: each a mapping with `task`, `payload` and `options`, which are those of a trigger.
            idempotency_key: a second call with the same key gives the first one's batches and runs.

        Raises:
            BadOption: an item has an option that can't be; its number is named.
        """
        key = make_key(idempotency_key) if isinstance(idempotency_key, str) else idempotency_key

        def pack(number: int, item: Any) -> Packed:
            return calls.pack_mapping(item, None if key is None else calls.key_of_item(key, number))

        made: list[wire.CreatedBatch] = []
        for batch in self.send(items, pack, key=key):
            made.append(batch)
        return made

    def send(
        self,
        items: Items[Any],
        pack: Pack,
        *,
        key: IdempotencyKey | None = None,
        link: Link | None = None,
    ) -> Iterator[wire.CreatedBatch]:
        """Send items that are packed by a function of the caller's; give each batch when it is sealed.

        Args:
            items: of any kind.
            pack: makes what is sent of each.
            key: of the whole.
            link: to the run that triggers them.
        """
        for chunk in Chunks(items, pack):
            yield self._send_chunk(chunk, key, link)

    def _send_chunk(self, chunk: Chunk, key: IdempotencyKey | None, link: Link | None) -> wire.CreatedBatch:
        made = self._client.send(calls.create(chunk, key, link))
        if not made.is_cached:
            calls.check_sealed(self._client.send(calls.add(made.id, chunk)))
        return made

    def retrieve(self, batch: str) -> wire.Batch:
        """Get a batch: its status, its runs, and which items became none.

        Raises:
            NotFound: there is none of this id in this environment.
        """
        return self._client.send(calls.retrieve(batch))

    def results(self, batch: str, timeout: Duration | None = None) -> Iterator[wire.ItemResult]:
        """Wait until all runs of a batch have ended, and go through what became of its items, in order.

        Args:
            batch: the batch.
            timeout: how long to wait; for ever by default.

        Raises:
            TimeoutError: some run has not ended in time.
            NotFound: there is none of this id in this environment.
            BatchClosed: it was given up.
        """
        deadline = Deadline(batch, timeout, kind="Batch")
        after, known = -1, False
        while True:
            try:
                page = self._client.send(calls.results(batch, after, deadline.next_wait()))
            except NotFound:
                # The endpoint says so of batches that are not over as well.
                known = known or bool(self.retrieve(batch))
                deadline.check()
                continue
            yield from page.items
            if page.pagination.next is None:
                return
            after = int(page.pagination.next)

    def cancel(self, batch: str) -> int:
        """Cancel the runs that a batch made and their unfinished children; return how many had not ended.

        Raises:
            NotFound: there is none of this id in this environment.
        """
        return (self._client.send(calls.cancel(batch))).canceled
