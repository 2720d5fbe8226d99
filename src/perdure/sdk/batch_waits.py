"""Triggering a batch and waiting for it, in a task; see `perdure.sdk.waits` for what may stand here."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from perdure import resumable
from perdure.core.errors import PerdureError
from perdure.resumable import suspend
from perdure.sdk.batch_results import BatchResults
from perdure.sdk.batches import Sent, Source, send_sync
from perdure.sdk.handle import clients
from perdure.sdk.requests import BatchWait
from perdure.sdk.waits import block

_GRACE_S = 5
"""How long a batch that is on its way is waited for, when nobody wants it any more."""


@resumable.resumable
async def run_batch(source: Source | None) -> Any:
    """Send items, wait until all their runs have ended, and return the results.

    The last batch is waited for first: it is the last to end, so the run seldom goes on before all have.
    """
    assert source is not None
    sent = await _send(source)
    source = None
    try:
        for batch in reversed(sent.ids):
            await suspend(BatchWait(batch))
    except asyncio.CancelledError:
        await _cancel(sent.own)
        raise
    return await _results(sent)


def run_batch_blocking(source: Source) -> Any:
    """Do as `run_batch` does, blocking."""
    sent = send_sync(source)
    for batch in reversed(sent.ids):
        block(BatchWait(batch))
    results: BatchResults[Any] = BatchResults(sent.ids, sent.tasks)
    for batch in sent.ids:
        for item in clients.blocking.batches.results(batch):
            results.add(item)
    return results


async def _send(source: Source) -> Sent:
    """Send items; if nobody wants them any more, cancel what was sent."""
    sent = Sent(source.tasks)
    sending = clients.asynchronous.batches.send(source.items, source.pack, key=source.key, link=source.link)
    while True:
        step = asyncio.ensure_future(anext(sending, None))
        try:
            made = await asyncio.shield(step)
        except asyncio.CancelledError:
            await asyncio.wait({step}, timeout=_GRACE_S)
            if step.done() and not step.cancelled() and not step.exception() and (last := step.result()):
                sent.add(last, has_key=source.key is not None)
            step.cancel()
            await _cancel(sent.own)
            raise
        if made is None:
            break
        sent.add(made, has_key=source.key is not None)
    return sent


async def _results(sent: Sent) -> BatchResults[Any]:
    results: BatchResults[Any] = BatchResults(sent.ids, sent.tasks)
    for batch in sent.ids:
        async for item in clients.asynchronous.batches.results(batch):
            results.add(item)
    return results


async def _cancel(batches: Sequence[str]) -> None:
    # A server that is gone cancels nothing, and the run that ends has said why it ends.
    with contextlib.suppress(PerdureError):
        for batch in batches:
            await clients.asynchronous.batches.cancel(batch)
