"""A task that streams a text while it makes it."""

import asyncio
import random
from collections.abc import AsyncIterator

from perdure import metadata, stream, task

tokens = stream[str]("tokens")

OPENINGS = ("On a quiet evening", "Long before the first train", "As the rain stopped")
HEROES = ("a lighthouse keeper", "the last baker awake", "two lost clockmakers")
DEEDS = ("counted the boats that had not come home", "lent the moon a coat", "mended every bell in town")


async def generate(seed: int, pause: float) -> AsyncIterator[str]:
    """Give a story word by word, as a language model would; put a call of one here."""
    chosen = random.Random(seed)
    story = ", ".join(chosen.choice(part) for part in (OPENINGS, HEROES, DEEDS)) + "."
    for word in story.split():
        yield word + " "
        await asyncio.sleep(pause)


@task(id="tell-story")
async def tell_story(seed: int = 7, pause: float = 0.1) -> int:
    """Stream a story; return how many words it has."""
    metadata.set("state", "telling")
    count = await tokens.pipe(generate(seed, pause))
    metadata.set("state", "told")
    return count
