"""The processes that `perdure dev` starts: each leads its own session and dies with its parent.

Ctrl-C in a terminal goes to every process of the session; theirs is another one, so that it is `dev`
that decides in which order they stop.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has one way to end a process


@dataclass(eq=False)
class Child:
    """A process of ours."""

    process: asyncio.subprocess.Process

    @classmethod
    async def start(
        cls, *arguments: str, folder: Path, variables: Mapping[str, str], stdout: int | None = None
    ) -> Self:
        """Start `perdure` with these arguments.

        Args:
            arguments: the command and its options.
            folder: where it works.
            variables: its environment variables.
            stdout: `subprocess.PIPE` to read its output here, instead of showing it.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "perdure",
            *arguments,
            "--parent",
            str(os.getpid()),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            cwd=folder,
            env=dict(variables),
            start_new_session=True,
        )
        return cls(process)

    @property
    def code(self) -> int | None:
        """Its exit code, the negative number of the signal that ended it, or None while it runs."""
        return self.process.returncode

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it."""
        return self.code is not None and self.code < 0

    def tell_to_stop(self) -> None:
        """Ask it to stop: the first time in order, the second at once."""
        self._signal(signal.SIGTERM)

    async def end(self, seconds: float) -> None:
        """Ask it to stop, and kill it when it has not after some seconds."""
        self.tell_to_stop()
        if not await self.ended(seconds):
            self._signal(_KILL)
        await self.process.wait()

    async def ended(self, seconds: float | None = None) -> bool:
        """Wait for its end, for some seconds or for ever; tell whether it has ended."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), seconds)
        return self.code is not None

    def _signal(self, number: int) -> None:
        # Not by `Process.terminate`: that takes the exit code of a process that has just ended from under
        # the loop, which then reports 255.
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, number)


class Patience:
    """Decides whether what has died is worth another start: three deaths in a short time are enough."""

    _DEATHS = 3
    _SECONDS = 20.0

    def __init__(self) -> None:
        self._deaths: deque[float] = deque(maxlen=self._DEATHS)

    def lasts(self) -> bool:
        """Take note of a death, and tell whether to start again."""
        now = time.monotonic()
        self._deaths.append(now)
        return len(self._deaths) < self._DEATHS or now - self._deaths[0] > self._SECONDS


def how_it_ended(code: int | None) -> str:
    """Return in words how a process ended: `was killed (SIGKILL)`, `ended with exit code 1`."""
    if code is None or code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed ({name})"
