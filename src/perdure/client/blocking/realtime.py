# Written by ./dev gen from perdure/client/asynchronous; edit that.

"""Runs as they change, for blocking code."""

from collections.abc import Generator
from contextlib import closing
from datetime import datetime
from typing import Any

from perdure.client.call import Call, Watcher
from perdure.wire.runs import Run


def watch(client: Watcher, call: Call[Any, Any]) -> Generator[Run]:
    """Go through the runs that a call watches, each state once.

    The server may tell one twice: it changed while it was looked up, or the connection was made again.
    """
    last: dict[str, datetime] = {}
    with closing(client.events(call)) as events:
        for event in events:
            if event.name != "run":
                continue
            run = Run.model_validate_json(event.data)
            if last.get(run.id) != run.updated_at:
                last[run.id] = run.updated_at
                yield run
            if run.finished_at is not None:  # so that what is watched for days takes no more and more memory
                last.pop(run.id, None)
