"""Snapshots go on in a fresh process, in a module imported again, and in another Python."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perdure.resumable import capture, restore
from tests.resumable.kit.processes import Chroot, Unavailable, another_python, run_python
from tests.resumable.kit.project import Project, result, waiting

RELAY = ("-m", "tests.resumable.kit.relay")


def complaints(told: str) -> list[str]:
    return ["\n".join(each) for each in json.loads(told)]


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Snapshots of every claim at every wait, written by a process that has ended."""
    path = tmp_path_factory.mktemp("carried") / "snapshots"
    run_python(*RELAY, "write", str(path))
    return path


def test_every_claim_goes_on_in_a_fresh_process(carried: Path) -> None:
    assert complaints(run_python(*RELAY, "read", str(carried))) == []


def test_every_claim_goes_on_where_hashes_differ(carried: Path) -> None:
    assert complaints(run_python(*RELAY, "read", str(carried), PYTHONHASHSEED="7")) == []


def test_every_claim_goes_on_under_other_flags(carried: Path) -> None:
    assert complaints(run_python("-X", "dev", "-W", "ignore", *RELAY, "read", str(carried))) == []


@pytest.fixture(scope="module")
def trixie() -> Iterator[Chroot]:
    try:
        chroot = another_python(f"perdure-{os.getpid()}")
    except Unavailable as reason:
        pytest.skip(str(reason))
    with chroot:
        yield chroot


@pytest.mark.slow
def test_snapshots_of_this_python_go_on_in_debian_s(carried: Path, trixie: Chroot) -> None:
    (trixie.outside / "here").write_bytes(carried.read_bytes())

    assert not_bound(complaints(trixie.run(*RELAY, "read", f"{trixie.home}/here"))) == []


@pytest.mark.slow
def test_snapshots_of_debian_s_python_go_on_in_this_one(trixie: Chroot) -> None:
    trixie.run(*RELAY, "write", f"{trixie.home}/there")

    told = run_python(*RELAY, "read", str(trixie.outside / "there"))

    assert not_bound(complaints(told)) == []


# These hold functions that no source explains to the package: they travel as bytecode of their Python.
BOUND = ("comprehensions.lambdas_in_a_comprehension_share_its_variable", "managers.managers_of_contextlib")


def not_bound(told: list[str]) -> list[str]:
    """Leave out the few that are refused by name on another Python."""
    return [each for each in told if not (each.startswith(BOUND) and "BadSnapshot" in each)]


def test_a_module_imported_again_is_where_the_coroutine_goes_on(project: Project) -> None:
    name = project.write("""
        from perdure.resumable import suspend

        setting = "old"

        class Order:
            pass

        async def main():
            order = Order()
            answer = await suspend(1)
            return answer, setting, isinstance(order, Order)
    """)
    data = capture(waiting(project.load(name).main()))

    module = project.load(name)
    module.setting = "new"

    assert result(restore(data, value="v")) == ("v", "new", True)


def test_restoring_imports_the_module(project: Project) -> None:
    name = project.write("""
        from perdure.resumable import suspend

        async def main():
            return await suspend(1)
    """)
    data = capture(waiting(project.load(name).main()))
    del sys.modules[name]

    assert result(restore(data, value="v")) == "v"
    assert name in sys.modules


MAIN = """
    import sys
    from pathlib import Path
    from perdure.resumable import capture, resumable, restore, suspend

    @resumable
    async def main():
        first = await suspend("one")
        return first, await suspend("two")

    if __name__ == "__main__":
        place = Path(sys.argv[1])
        if place.exists():
            coroutine = restore(place.read_bytes(), value=sys.argv[2])
        else:
            coroutine = main()
        try:
            print(coroutine.send(None))
            place.write_bytes(capture(coroutine))
        except StopIteration as stop:
            print(stop.value)
"""


def test_a_script_s_own_functions_sleep_between_its_runs(project: Project, tmp_path: Path) -> None:
    script = str(project.folder / f"{project.write(MAIN)}.py")
    told = [run_python(script, str(tmp_path / "state"), answer).strip() for answer in "abc"]

    assert told == ["one", "two", "('b', 'c')"]


def test_a_value_of_a_class_in_another_module_travels(project: Project, tmp_path: Path) -> None:
    classes = project.write("""
        from dataclasses import dataclass

        @dataclass
        class Point:
            x: int
            y: list
    """)
    name = project.write(f"""
        from {classes} import Point
        from perdure.resumable import suspend

        async def main():
            point = Point(1, [2])
            point.y.append(await suspend("ask"))
            return point
    """)
    data = capture(waiting(project.load(name).main()))
    (tmp_path / "data").write_bytes(data)
    told = run_python(
        "-c",
        "import sys; from perdure.resumable import *; install([sys.argv[2]])\n"
        "try: restore(open(sys.argv[1], 'rb').read(), value=3).send(None)\n"
        "except StopIteration as stop: print(stop.value)",
        str(tmp_path / "data"),
        str(project.folder),
        path=(project.folder,),
    )

    assert told.strip() == "Point(x=1, y=[2, 3])"


def test_a_function_missing_in_the_other_process_is_named(project: Project, tmp_path: Path) -> None:
    name = project.write("from perdure.resumable import suspend\nasync def main():\n    await suspend(1)\n")
    (tmp_path / "data").write_bytes(capture(waiting(project.load(name).main())))
    told: Any = run_python(
        "-c",
        "import sys; from perdure.resumable import *\n"
        "try: restore(open(sys.argv[1], 'rb').read(), value=3)\n"
        "except CodeChanged as error: print(error)",
        str(tmp_path / "data"),
    )

    assert name in told
