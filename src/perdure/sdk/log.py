"""`logger`: lines for the run's log, with attributes."""

import logging
import sys
from typing import Any

from perdure.sdk import runtime
from perdure.sdk.runtime import Level
from perdure.sdk.span import place_of, place_of_line

_outside = logging.getLogger("perdure.task")
_NUMBERS: dict[Level, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Logger:
    """Writes to the log of the run that the code belongs to; outside of runs, to `logging`."""

    def debug(self, message: str, /, **attributes: Any) -> None:
        """Log something for whoever looks closely."""
        self._log("debug", message, attributes)

    def info(self, message: str, /, **attributes: Any) -> None:
        """Log what happened."""
        self._log("info", message, attributes)

    def warning(self, message: str, /, **attributes: Any) -> None:
        """Log what may be wrong."""
        self._log("warning", message, attributes)

    def error(self, message: str, /, **attributes: Any) -> None:
        """Log what went wrong."""
        self._log("error", message, attributes)

    def _log(self, level: Level, message: str, attributes: dict[str, Any]) -> None:
        host = runtime.current.get()
        if host is not None:
            host.log(level, message, attributes or None, "logger", place_of(sys._getframe(2)))
        else:
            told = f"{message} {attributes}" if attributes else message
            _outside.log(_NUMBERS[level], "%s", told)


logger = Logger()


class RunHandler(logging.Handler):
    """Puts what libraries and tasks say through `logging` into the run's log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record to the run it was made in; records made outside of runs are not for it."""
        host = runtime.current.get()
        if host is None or record.name.startswith("perdure."):
            return
        try:
            message = record.getMessage()
            if record.exc_info:
                message += "\n" + (self.formatter or _FORMATTER).formatException(record.exc_info)
            place = place_of_line(record.pathname, record.lineno)
            host.log(_level(record.levelno), message, {"logger": record.name}, "logging", place)
        except Exception:  # the rule of `logging`: a record that can't be told never breaks the program
            self.handleError(record)


_FORMATTER = logging.Formatter()


def _level(number: int) -> Level:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"
