"""What `perdure dev` itself says; runs are shown by its worker."""

import sys
from importlib.metadata import version

from perdure.cli.live import CYAN, DIM, YELLOW, Paper
from perdure.client.settings import DEFAULT_API_URL
from perdure.core.clock import SystemClock

_BOLD = "\x1b[1m"


class DevScreen:
    """Writes to standard output."""

    def __init__(self) -> None:
        self._paper = Paper(sys.stdout)
        self._clock = SystemClock()

    def show_header(self, name: str, url: str, key: str, *, reload: bool) -> None:
        """Say where everything is, and what to do next."""
        paint = self._paper.paint
        elsewhere = "" if url == DEFAULT_API_URL else f"PERDURE_API_URL={url} "
        fields = [
            ("Server", paint(url, CYAN)),
            ("Key", key),
            ("Reload", "when a .py file or the settings are saved" if reload else "off"),
            ("Try", f"{elsewhere}perdure tasks"),
        ]
        lines = "".join(f"  {paint(f'{label:<7}', DIM)} {value}\n" for label, value in fields)
        self._paper.write(f"\n  {paint('Perdure ' + version('perdure'), _BOLD)}  {name}\n\n{lines}\n")

    def say(self, text: str) -> None:
        """Tell what goes on."""
        self._write(self._paper.paint(text, CYAN))

    def warn(self, text: str) -> None:
        """Tell what has gone wrong."""
        self._write(self._paper.paint(text, YELLOW))

    def _write(self, text: str) -> None:
        self._paper.write(f"{self._paper.moment(self._clock.now())}  {text}\n")
