"""What an async function that is `@traced` runs in; a run that waits in it is stored with it."""

from collections.abc import Coroutine
from typing import Any

from perdure import resumable
from perdure.sdk.span import Span


@resumable.resumable
async def call(box: list[Coroutine[Any, Any, Any]], span: Span) -> Any:
    """Await the coroutine in a box, in a span; the box is empty meanwhile, so it is not stored twice."""
    with span:
        return await box.pop()
