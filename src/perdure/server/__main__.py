"""`python -m perdure.server`: a server from `PERDURE_*` variables alone."""

import os
import sys

from perdure.core.errors import PerdureError
from perdure.server.run import Serving, serve
from perdure.server.settings import read_settings


def announce(serving: Serving) -> None:
    """Say where the server is, and what its environments are."""
    slugs = ", ".join(environment.slug for environment in serving.environments)
    print(f"Perdure answers at {serving.url} for {slugs}", flush=True)


def main() -> int:
    """Run the server; return the process's exit code."""
    try:
        serve(read_settings(os.environ), announce)
    except PerdureError as error:
        print(f"perdure server: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
