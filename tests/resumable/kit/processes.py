"""Other processes, of this Python and of others, that can import the package and these tests."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
TRIXIE = "PERDURE_TRIXIE"  # names a folder made by debootstrap
CACHE = ROOT / ".cache" / "trixie"
DEBOOTSTRAP = ["debootstrap", "--variant=minbase", "--include=python3,python3-cloudpickle", "trixie"]


def run_python(*arguments: str, cwd: Path = ROOT, path: tuple[Path, ...] = (), **environment: str) -> str:
    """Run this Python in a process of its own; what it printed."""
    paths = [str(ROOT / "src"), str(ROOT), *map(str, path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


class Unavailable(Exception):
    """Why there is no other Python here."""


@dataclass
class Chroot:
    """A Debian folder with another Python, in which the package and the tests are laid out."""

    folder: Path
    home: str

    @property
    def outside(self) -> Path:
        return self.folder / self.home.lstrip("/")

    def run(self, *arguments: str) -> str:
        command = [
            "chroot",
            str(self.folder),
            "/usr/bin/env",
            f"PYTHONPATH={self.home}",
            "PYTHONDONTWRITEBYTECODE=1",
        ]
        done = subprocess.run(
            [*command, "sh", "-c", f'cd {self.home} && exec python3 "$@"', "sh", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def __enter__(self) -> "Chroot":
        """Lay out the package alone (it needs nothing else of ours) and these tests."""
        self.outside.mkdir(parents=True)
        shutil.copytree(ROOT / "src/perdure/resumable", self.outside / "perdure/resumable")
        shutil.copytree(ROOT / "tests/resumable/kit", self.outside / "tests/resumable/kit")
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.outside, ignore_errors=True)


def another_python(name: str) -> Chroot:
    """A chroot with Debian trixie's Python, made once; raises `Unavailable` with the reason."""
    folder = Path(os.environ.get(TRIXIE) or CACHE)
    if os.geteuid():
        raise Unavailable("chroot needs root: Python 3.13 of Debian trixie was not tried")
    if not (folder / "usr/bin/python3").exists():
        _bootstrap(folder)
    if not (folder / "usr/lib/python3/dist-packages/cloudpickle").exists():
        raise Unavailable(f"{folder} has no python3-cloudpickle")
    return Chroot(folder, f"/tmp/{name}")


def _bootstrap(folder: Path) -> None:
    if TRIXIE in os.environ:
        raise Unavailable(f"{TRIXIE} names {folder}, where there is no Python")
    if shutil.which("debootstrap") is None:
        raise Unavailable(f"no debootstrap, and no folder in {TRIXIE}: Python 3.13 was not tried")
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")  # several test processes may come here at once
    fresh.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [*DEBOOTSTRAP, str(fresh)], capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode == 0 and not folder.exists():
        fresh.rename(folder)
    if fresh.exists():  # a failed debootstrap leaves /proc mounted in it
        subprocess.run(["umount", str(fresh / "proc")], capture_output=True, check=False)
        subprocess.run(["rm", "-rf", "--one-file-system", str(fresh)], check=False)
    if done.returncode:
        raise Unavailable(f"debootstrap failed: {done.stdout[-300:]}{done.stderr[-300:]}")
