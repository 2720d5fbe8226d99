"""Triggers a story, and says how to watch it: in a browser, and with curl."""

import argparse
import asyncio
from pathlib import Path
from urllib.parse import urlencode

from perdure import AsyncClient

PAGE = Path(__file__).with_name("page.html")


async def main(pause: float) -> None:
    """Trigger a run, and print where it can be watched."""
    async with AsyncClient() as client:
        run = await client.trigger("tell-story", {"pause": pause})
        token = await client.auth.create_public_token([f"read:runs:{run.id}"], lifetime="1h")
        server = client.access.api_url
        query = urlencode({"server": server, "run": run.id, "token": token})
        print(f"page: {PAGE.resolve().as_uri()}?{query}")
        stream = f"{server}/realtime/v1/streams/{run.id}/tokens?token={token}"
        print(f"curl: curl -N -H 'Accept: text/plain' '{stream}'")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between two words")
    asyncio.run(main(parser.parse_args().pause))
