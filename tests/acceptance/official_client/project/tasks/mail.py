"""A queue that the official client looks at."""

from perdure import queue, task

mail = queue("ns/mail", concurrency_limit=3)


@task(id="mail", queue=mail)
async def send(payload: object = None) -> None:
    """Do nothing."""
