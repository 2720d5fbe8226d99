"""The settings: every `PERDURE_*` variable there is, said once.

Each is read by the part of Perdure that uses it; this table is what makes a misspelt one an error
instead of a silence, and what the reference lists.
"""

from collections.abc import Iterable

from perdure.core.errors import BadSetting
from perdure.core.names import similar

PREFIX = "PERDURE_"

SETTINGS: dict[str, str] = {
    "PERDURE_API_URL": "Where the server is; http://127.0.0.1:3030 by default.",
    "PERDURE_SECRET_KEY": "The key of the environment to use; given to a server, it becomes that key.",
    "PERDURE_DATABASE_URL": "sqlite:///file or postgresql://…; sqlite:///.perdure/perdure.db by default.",
    "PERDURE_HOST": "The address the server listens on; 127.0.0.1 by default.",
    "PERDURE_PORT": "The port the server listens on; 3030 by default.",
    "PERDURE_ENVIRONMENTS": "More environments of a server: slug=key pairs joined by commas.",
    "PERDURE_PROJECT": "The name of the project a server's environments belong to.",
    "PERDURE_RUN_RETENTION": "How long runs are kept after their end: 90d by default; never forgets none.",
    "PERDURE_LOG_RETENTION": "How long log lines are kept after it: 30d by default; never forgets none.",
    "PERDURE_STREAM_RETENTION": "How long streams are kept after it: 28d by default; never: as their run.",
    "PERDURE_MAX_WATCHERS": "How many may watch runs and read streams of one server; 20000 by default.",
    "PERDURE_DEFAULT_TTL": (
        "How long runs may wait for a worker, if neither trigger nor task says: dev=10m by default; "
        "environment=duration pairs, by name or type (or =never), with commas; one alone is for the rest."
    ),
    "PERDURE_INSTRUMENT": (
        "Libraries that a worker lets OpenTelemetry look into: httpx, requests, aiohttp-client, sqlalchemy, "
        "psycopg, redis, with commas; or all. None by default; needs perdure[instrument]."
    ),
    "PERDURE_OTLP_ENDPOINT": (
        "The OpenTelemetry collector that a server sends spans and log lines to, as in "
        "http://127.0.0.1:4318; none by default."
    ),
    "PERDURE_OTLP_HEADERS": "Sent along: name=value pairs with commas, as in authorization=Bearer%20…",
    "PERDURE_LEASE_SECONDS": "How long a worker may be silent before its runs go to others; 30 by default.",
    "PERDURE_TEST_POSTGRES_URL": "The PostgreSQL server that Perdure's own tests use.",
}
"""The name of each, and what it does."""


def check_names(names: Iterable[str]) -> None:
    """Refuse a `PERDURE_*` variable that does not exist.

    Args:
        names: the names of all variables that are set, such as `os.environ`.

    Raises:
        BadSetting: one is unknown; the reason names the nearest that exists.
    """
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in SETTINGS:
            raise BadSetting(setting=name, reason=f"there is none of this name; {_hint(name)}")


def _hint(name: str) -> str:
    known = {setting.removeprefix(PREFIX): setting for setting in SETTINGS}
    near = similar(name.removeprefix(PREFIX), known)
    return f"the nearest is {known[near[0]]}" if near else f"known are {', '.join(SETTINGS)}"
