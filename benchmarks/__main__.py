"""Runs the benchmarks, all or the named ones, each in a process of its own: `./dev bench [names]`."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run what was asked for; return the exit code."""
    known = sorted(file.stem for file in HERE.glob("[!_]*.py"))
    wanted = sys.argv[1:] or known
    for name in wanted:
        if name not in known:
            print(f"There is no benchmark {name}; there are {', '.join(known)}.", file=sys.stderr)
            return 2
    codes = []
    for name in wanted:
        print(f"\n== {name}", flush=True)
        codes.append(subprocess.call([sys.executable, "-m", f"benchmarks.{name}"], cwd=HERE.parent))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
