# Written by ./dev gen from perdure/client/asynchronous; edit that.

"""Runs as they change, for blocking code."""

from collections.abc import Generator
from contextlib import closing
from typing import Any

from perdure.client.call import Call, Watcher
from perdure.wire.runs import Run


def watch(client: Watcher, call: Call[Any, Any]) -> Generator[Run]:
    """Go through the runs that a call watches."""
    with closing(client.events(call)) as events:
        for event in events:
            if event.name == "run":
                yield Run.model_validate_json(event.data)
