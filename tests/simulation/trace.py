"""What happened in a simulation, line by line."""

from tests.simulation.process import current


class Trace:
    """Lines with the moment and the process; written only when somebody reads them."""

    def __init__(self, time: object) -> None:
        """Note what time it is by calling `time`."""
        self._time = time
        self._lines: list[tuple[float, str, str, tuple[object, ...]]] = []

    def add(self, text: str, *values: object) -> None:
        """Add a line; `{}` in the text stands for the values."""
        process = current.get()
        self._lines.append((self._time(), process.name if process else "-", text, values))  # type: ignore[operator]

    def lines(self) -> list[str]:
        """Return all lines."""
        return [f"{at:9.4f}  {who:<12} {text.format(*values)}" for at, who, text, values in self._lines]
