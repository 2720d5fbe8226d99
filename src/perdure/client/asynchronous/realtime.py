"""Runs as they change, for asyncio."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from perdure.client.call import AsyncWatcher, Call
from perdure.wire.runs import Run


async def watch(client: AsyncWatcher, call: Call[Any, Any]) -> AsyncGenerator[Run]:
    """Go through the runs that a call watches."""
    async with aclosing(client.events(call)) as events:
        async for event in events:
            if event.name == "run":
                yield Run.model_validate_json(event.data)
