"""How log lines of an environment look on the screen."""

import json
import sys

from perdure.cli.live import DIM, RED, YELLOW, Paper
from perdure.core.clock import from_datetime
from perdure.wire.telemetry import FoundLine

_LEVELS = {"warning": YELLOW, "error": RED, "debug": DIM}


class FoundLines:
    """Writes log lines of any runs."""

    def __init__(self, *, json: bool) -> None:
        """Write lines, or JSON objects."""
        self._json = json
        self._paper = Paper(sys.stdout)

    def show(self, line: FoundLine) -> None:
        """Write one."""
        if self._json:
            self._paper.write(line.to_json().decode() + "\n")
            return
        paint = self._paper.paint
        moment = self._paper.moment(from_datetime(line.time))
        whose = f"{line.task or ''}  {line.run_id or line.trace_id or ''}".strip()
        label = line.level if line.source in ("logger", "logging", "otlp") else line.source
        told = json.dumps(line.properties, ensure_ascii=False) if line.properties else ""
        text = paint(line.message, _LEVELS.get(line.level, ""))
        words = (moment, paint(f"{label:<7}", DIM), paint(whose, DIM), text, paint(told, DIM))
        self._paper.write("  ".join(word for word in words if word) + "\n")
