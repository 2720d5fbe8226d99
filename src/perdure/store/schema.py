"""The schemas Perdure keeps: what runs, and what was seen of it.

A schema is a folder with `sql/` (its statements) and `migrations/` (its tables).
The engine's and telemetry's are apart, so that telemetry never slows the engine.
"""

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable


@dataclass(frozen=True, slots=True)
class Schema:
    """A set of tables and the statements that use them."""

    name: str
    """PostgreSQL keeps the tables in a schema of this name."""

    folder: Traversable
    """Holds `sql/` and `migrations/`."""

    suffix: str = ""
    """SQLite adds it to the name of the file: `perdure.db`, `perdure-telemetry.db`."""

    durable: bool = True
    """Whether a commit that was answered survives a power failure."""


MAIN = Schema("perdure", files("perdure.store"))
TELEMETRY = Schema(
    "perdure_telemetry", files("perdure.store") / "telemetry", suffix="-telemetry", durable=False
)
