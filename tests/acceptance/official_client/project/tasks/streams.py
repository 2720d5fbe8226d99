"""Tasks that stream, and take what is sent to them."""

from perdure import Retry, input_stream, metadata, stream, task

tokens = stream[str]("tokens")
approval = input_stream[dict]("approval")


@task(id="streams", retry=Retry(max_attempts=1))
async def streams(words: list[str]) -> str:
    """Write words once somebody sends a sign, and say so in the metadata."""
    metadata.set("waits", True)
    answer = await approval.wait(timeout="1m")
    await tokens.pipe(words)
    return f"by {answer['by']}"
