"""Queues that the official client looks at, and triggers into."""

from perdure import queue, task

mail = queue("ns/mail", concurrency_limit=3)
queue("my-q")
queue("side")


@task(id="mail", queue=mail)
async def send(payload: object = None) -> None:
    """Do nothing."""
