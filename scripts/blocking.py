"""Writes the blocking client from the one for asyncio: `./dev gen`; `--check` only tells what is stale.

The two differ in how they wait and in nothing else, so one of them is not written by hand.
"""

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parents[1] / "src" / "perdure" / "client"
SOURCE, TARGET = CLIENT / "asynchronous", CLIENT / "blocking"
NOTE = "# Written by ./dev gen from perdure/client/asynchronous; edit that.\n\n"

# What is said otherwise in blocking code; the first that fits a place counts.
SPELLINGS = {
    r"`\./dev gen` writes the one for blocking code from it": (
        "`./dev gen` writes it from the one for asyncio"
    ),
    r"may be shared between event loops and threads": "may be shared between threads",
    r"Close this event loop's connections; the client can still be used, and then opens new ones": (
        "Close the connections that are not in use; a client that is used again opens new ones"
    ),
    r"for asyncio": "for blocking code",
    r"client\.aio import AsyncTransport": "client.sockets import BlockingTransport",
    r"AsyncTransport": "BlockingTransport",
    r"client\.asynchronous": "client.blocking",
    r"import asyncio": "import time",
    r"asyncio\.sleep": "time.sleep",
    r"\bAsync(?=[A-Z])": "",
    r"\baclosing\b": "closing",
    r"__aenter__": "__enter__",
    r"__aexit__": "__exit__",
    r"\basync (?=def|for|with)": "",
    r"\bawait ": "",
}
ANY = re.compile("|".join(f"({pattern})" for pattern in SPELLINGS))


def blocking(text: str) -> str:
    """Return a module of the client for asyncio as one for blocking code."""
    answers = list(SPELLINGS.values())
    text = ANY.sub(lambda found: answers[(found.lastindex or 1) - 1], text)
    text = _ruff("check", "--fix-only", "--select", "I,UP", "--unsafe-fixes", text=NOTE + text)
    return _ruff("format", text=text)


def _ruff(*arguments: str, text: str) -> str:
    # The name stands for a module that is there, so that its neighbours are known to be ours.
    name = str(SOURCE / "client.py")
    command = [sys.executable, "-m", "ruff", *arguments, "--quiet", "--stdin-filename", name, "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def stale() -> dict[Path, str]:
    """Return the modules that are not as they would be written, with what would be."""
    wanted = {TARGET / path.name: blocking(path.read_text("utf-8")) for path in sorted(SOURCE.glob("*.py"))}
    found = {path: path.read_text("utf-8") for path in TARGET.glob("*.py")}
    return {path: wanted.get(path, "") for path in {*wanted, *found} if wanted.get(path) != found.get(path)}


def main() -> int:
    """Write what is stale, or with `--check` tell of it."""
    changed = stale()
    for path, text in changed.items():
        print(path.relative_to(CLIENT))
        if "--check" in sys.argv:
            continue
        if text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        else:
            path.unlink()
    return int(bool(changed) and "--check" in sys.argv)


if __name__ == "__main__":
    raise SystemExit(main())
