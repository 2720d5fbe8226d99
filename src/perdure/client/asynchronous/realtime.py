"""Runs as they change, for asyncio."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Any

from perdure.client.call import AsyncWatcher, Call
from perdure.wire.runs import Run


async def watch(client: AsyncWatcher, call: Call[Any, Any]) -> AsyncGenerator[Run]:
    """Go through the runs that a call watches, each state once.

    The server may tell one twice: it changed while it was looked up, or the connection was made again.
    """
    last: dict[str, datetime] = {}
    async with aclosing(client.events(call)) as events:
        async for event in events:
            if event.name != "run":
                continue
            run = Run.model_validate_json(event.data)
            if last.get(run.id) != run.updated_at:
                last[run.id] = run.updated_at
                yield run
            if run.finished_at is not None:  # so that what is watched for days takes no more and more memory
                last.pop(run.id, None)
