"""`python -m perdure.worker [PROJECT] [--concurrency N]`: a worker without the rest of the CLI."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from perdure.core.errors import PerdureError
from perdure.worker import main as program
from perdure.worker.options import WorkerOptions, default_concurrency


def main() -> int:
    """Run a worker, and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m perdure.worker", description=__doc__)
    parser.add_argument("project", nargs="?", type=Path, default=Path.cwd())
    parser.add_argument("--concurrency", type=int, default=default_concurrency())
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        supervisor = program.build(given.project, WorkerOptions(concurrency=given.concurrency))
    except PerdureError as error:
        print(error, file=sys.stderr)
        return program.FAILED
    return asyncio.run(program.work(supervisor))


if __name__ == "__main__":
    sys.exit(main())
