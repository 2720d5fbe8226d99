"""`install`: modules rewritten at import, and the rewritten bytecode cached beside Python's own."""

import os
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from perdure.resumable import capture, install, restore
from tests.resumable.kit.processes import run_python
from tests.resumable.kit.project import Folder, Project, result, waiting

SOURCE = """
    from perdure.resumable import suspend

    async def main():
        return 1, await suspend("x")
"""


@pytest.fixture(autouse=True)
def _writing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def cached(project: Folder) -> dict[str, int]:
    """The cache files of a project, and when each was written."""
    return {
        path.name: path.stat().st_mtime_ns
        for path in project.folder.rglob("*")
        if path.is_file() and path.suffix != ".py"
    }


def test_modules_under_the_folder_are_rewritten(project: Project) -> None:
    module = project.module(SOURCE)

    assert result(restore(capture(waiting(module.main())), value=2)) == (1, 2)


def test_packages_and_their_modules_are_rewritten(project: Project) -> None:
    package = project.folder / "shop" / "orders"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("from .orders.main import main\n")
    (package / "__init__.py").write_text("")
    project.write(SOURCE, "shop/orders/main")
    module = project.load("shop")
    project.names |= {"shop.orders", "shop.orders.main"}

    assert result(restore(capture(waiting(module.main())), value=2)) == (1, 2)


def test_modules_elsewhere_are_not_rewritten(project: Project, library: Folder) -> None:
    import perdure.resumable

    module = library.module(SOURCE)

    with pytest.raises(perdure.resumable.NotResumable):
        capture(waiting(module.main()))


def test_installing_twice_or_a_subfolder_changes_nothing(project: Project) -> None:
    hooks = len(sys.meta_path)

    install([project.folder])
    install([str(project.folder / "below"), project.folder])

    assert len(sys.meta_path) == hooks
    module = project.module(SOURCE)
    assert result(restore(capture(waiting(module.main())), value=2)) == (1, 2)


def test_the_second_import_takes_the_cache(project: Project) -> None:
    name = project.write(SOURCE)
    project.load(name)
    first = cached(project)
    assert first

    project.load(name)

    assert cached(project) == first


def test_the_cache_is_taken_even_if_lowering_were_impossible(project: Project, tmp_path: Path) -> None:
    name = project.write(SOURCE)
    program = (
        "import sys; sys.dont_write_bytecode = False\n"
        "from perdure.resumable import install; install([sys.argv[1]])\n"
        f"import {name}\n"
        "print('perdure.resumable.lower' in sys.modules, 'ast' in sys.modules)"
    )
    cold = run_python("-c", program, str(project.folder), path=(project.folder,), PYTHONDONTWRITEBYTECODE="")
    warm = run_python("-c", program, str(project.folder), path=(project.folder,), PYTHONDONTWRITEBYTECODE="")

    assert cold.strip()
    assert warm.strip()
    assert result(restore(capture(waiting(project.load(name).main())), value=2)) == (1, 2)


def test_a_changed_source_is_rewritten_again(project: Project) -> None:
    name = project.write(SOURCE)
    project.load(name)
    path = project.folder / f"{name}.py"
    before = path.stat()
    project.write(SOURCE.replace("return 1", "return 2"), name)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))

    assert result(project.load(name).main(), "v") == (2, "v")


def test_a_change_that_keeps_size_and_time_is_noticed(project: Project) -> None:
    name = project.write(SOURCE)
    project.load(name)
    path = project.folder / f"{name}.py"
    before = path.stat()
    project.write(SOURCE.replace("return 1", "return 2"), name)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert result(project.load(name).main(), "v") == (2, "v")


def test_a_broken_cache_is_made_again(project: Project) -> None:
    name = project.write(SOURCE)
    project.load(name)
    for path in project.folder.rglob("*.pyc"):
        path.write_bytes(path.read_bytes()[:20] + b"broken")

    module = project.load(name)

    assert result(restore(capture(waiting(module.main())), value=2)) == (1, 2)


def test_python_s_own_cache_is_left_alone(project: Project) -> None:
    name = project.write(SOURCE)
    project.load(name)

    told = run_python(
        "-c", f"import {name}; print('.k' in {name}.main.__code__.co_varnames)", path=(project.folder,)
    )

    assert told.strip() == "False"


def test_the_cache_is_of_one_python_version(project: Project) -> None:
    project.load(project.write(SOURCE))

    assert all(sys.implementation.cache_tag in name for name in cached(project))


def test_nothing_is_written_where_python_may_not(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = project.module(SOURCE)

    assert cached(project) == {}
    assert result(restore(capture(waiting(module.main())), value=2)) == (1, 2)


def test_a_syntax_error_is_python_s_own(project: Project) -> None:
    name = project.write("async def main():\n    await (\n")

    with pytest.raises(SyntaxError) as failed:
        project.load(name)

    assert failed.value.filename == str(project.folder / f"{name}.py")
    assert failed.value.lineno == 2


def test_the_compiler_warns_at_import_and_not_at_restore(project: Project) -> None:
    name = project.write("""
        from perdure.resumable import suspend

        async def main():
            answer = await suspend("x")
            return answer is 1
    """)

    with pytest.warns(SyntaxWarning, match="literal") as warned:
        module = project.load(name)

    assert len(warned) == 1
    assert result(restore(capture(waiting(module.main())), value=1)) is True  # a warning would be an error


def test_a_source_in_another_encoding(project: Project) -> None:
    source = "# -*- coding: latin-1 -*-\n" + dedent(SOURCE).replace("return 1", "return 'é'")
    (project.folder / "latin.py").write_bytes(source.encode("latin-1"))

    assert result(restore(capture(waiting(project.load("latin").main())), value=2)) == ("é", 2)


def test_future_statements_still_count(project: Project) -> None:
    module = project.module('''
        """Doc."""
        from __future__ import annotations
        from perdure.resumable import suspend

        async def main(x: NotDefined = 1):
            return x, await suspend("x")
    ''')

    assert module.main.__annotations__ == {"x": "NotDefined"}
    assert result(restore(capture(waiting(module.main())), value=2)) == (1, 2)


def test_importlib_reload_and_resources_work(project: Project) -> None:
    import importlib

    module = project.module(SOURCE)
    again = importlib.reload(module)

    assert again.__file__ == str(project.folder / f"{module.__name__}.py")
    assert again.__spec__.loader.get_source(module.__name__).startswith("\nfrom perdure")
    assert result(restore(capture(waiting(again.main())), value=2)) == (1, 2)
