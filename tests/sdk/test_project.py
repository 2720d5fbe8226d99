"""A project's settings, and what is found in it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perdure import Retry
from perdure.core.errors import BadSetting, ProjectUnloadable
from perdure.sdk.discover import Catalog, discover
from perdure.sdk.project import load_project

Found = Callable[[], Catalog]


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Found]:
    """Imports the project in the test's folder; its modules are forgotten after."""
    path, modules = list(sys.path), set(sys.modules)
    yield lambda: discover(load_project(tmp_path))
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.split(".")[0] in ("tasks", "more", "lib"):
            del sys.modules[name]


def write(root: Path, **files: str) -> None:
    """Write files; `tasks__a` stands for `tasks/a.py`."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


ONE = "from perdure import task\n\n@task\nasync def one(a: int) -> int:\n    '''Do one.'''\n    return a\n"


def test_a_folder_without_settings_has_the_default_ones(tmp_path: Path):
    project = load_project(tmp_path)

    assert (project.name, project.dirs) == (tmp_path.name, ("tasks",))


@pytest.mark.parametrize(
    ("file", "head"), [("perdure.toml", ""), ("pyproject.toml", "[tool.perdure]\n")], ids=["own", "shared"]
)
def test_settings_are_read_from_either_file(tmp_path: Path, file: str, head: str):
    settings = 'project = "shop"\ndirs = ["jobs"]\nmachine = "micro"\nmax_duration = "5m"\n'
    retry = "[tool.perdure.retry]\n" if head else "[retry]\n"
    (tmp_path / file).write_text(head + settings + retry + "max_attempts = 7\n")

    project = load_project(tmp_path)

    assert (project.name, project.dirs, project.defaults.machine) == ("shop", ("jobs",), "micro")
    assert (project.defaults.max_duration, project.defaults.retry) == ("5m", Retry(max_attempts=7))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('dir = ["x"]', "did you mean dirs"),
        ("dirs = 1", "dirs"),
        ("dirs = [1]", "dirs"),
        ('dirs = ["../elsewhere"]', "outside of the project"),
        ('machine = "huge"', "machine.*micro"),
        ('max_duration = "long"', "max_duration.*long"),
        ("retry = 3", "retry"),
        ("[retry]\nmax_atempts = 3", "retry.*did you mean max_attempts"),
        ('[retry]\nmax_attempts = "3"', "retry"),
    ],
)
def test_a_setting_that_can_not_be_is_named(tmp_path: Path, text: str, told: str):
    (tmp_path / "perdure.toml").write_text(text)

    with pytest.raises(BadSetting, match=told):
        load_project(tmp_path)


def test_a_settings_file_that_is_no_toml_is_named(tmp_path: Path):
    (tmp_path / "perdure.toml").write_text("project = ")

    with pytest.raises(ProjectUnloadable, match=r"perdure\.toml is no TOML"):
        load_project(tmp_path)


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path):
    with pytest.raises(ProjectUnloadable, match="no folder"):
        load_project(tmp_path / "none")


def test_tasks_are_found_in_all_folders(tmp_path: Path, found: Found):
    (tmp_path / "perdure.toml").write_text('dirs = ["tasks", "more"]\nmachine = "micro"\n')
    write(tmp_path, tasks__a=ONE, more__deep__b=ONE.replace("one", "two"))

    catalog = found()

    assert catalog.problems == []
    one = catalog.tasks["one"].manifest()
    assert (one.file_path, one.line, one.description, one.machine) == ("tasks/a.py", 3, "Do one.", "micro")
    assert catalog.tasks["two"].file_path == "more/deep/b.py"


def test_init_is_imported_first(tmp_path: Path, found: Found):
    write(tmp_path, tasks__a="import lib\n" + ONE + "assert lib.ready\n")
    write(tmp_path, tasks__init="import lib\nlib.ready = True\n", lib="ready = False\n")

    assert found().problems == []


def test_tests_and_hidden_files_are_left_out(tmp_path: Path, found: Found):
    write(tmp_path, tasks__a=ONE, tasks__test_a="1 / 0", tasks__conftest="1 / 0")
    (tmp_path / "tasks" / ".hidden").mkdir()
    (tmp_path / "tasks" / ".hidden" / "x.py").write_text("1 / 0")

    assert found().problems == []


def test_a_file_that_does_not_import_is_told_and_the_others_work(tmp_path: Path, found: Found):
    write(tmp_path, tasks__a=ONE, tasks__broken=ONE.replace("one", "half") + "\n1 / 0\n")

    catalog = found()

    (problem,) = catalog.problems
    assert list(catalog.tasks) == ["one"]
    assert (problem.file_path, problem.line) == ("tasks/broken.py", 8)
    assert problem.message == "ZeroDivisionError: division by zero"
    assert "1 / 0" in problem.stack_trace


def test_a_file_with_a_syntax_error_is_told_with_its_line(tmp_path: Path, found: Found):
    write(tmp_path, tasks__a="x = 1\ny = = 2\n")

    (problem,) = found().problems

    assert (problem.file_path, problem.line) == ("tasks/a.py", 2)


def test_a_file_that_exits_is_told_and_the_others_work(tmp_path: Path, found: Found):
    write(tmp_path, tasks__a="import sys\nsys.exit(3)\n", tasks__b=ONE)

    catalog = found()

    assert list(catalog.tasks) == ["one"]
    assert "sys.exit(3)" in catalog.problems[0].message


def test_two_tasks_with_one_id_are_told_with_both_places(tmp_path: Path, found: Found):
    write(tmp_path, tasks__a=ONE, tasks__b=ONE)

    catalog = found()

    (problem,) = catalog.problems
    assert catalog.tasks["one"].file_path == "tasks/a.py"
    assert (problem.file_path, problem.line) == ("tasks/b.py", 3)
    assert "Task one is declared twice, here and in tasks/a.py:3" in problem.message


def test_a_task_that_can_not_be_used_is_told_and_the_others_work(tmp_path: Path, found: Found):
    write(tmp_path, tasks__a=ONE, tasks__b=ONE.replace("one", "two").replace("int)", "Missing)"))
    write(
        tmp_path,
        tasks__c="from __future__ import annotations\n"
        + ONE.replace("one", "three").replace(": int", ": Gone"),
    )

    catalog = found()

    assert list(catalog.tasks) == ["one"]
    assert sorted(problem.file_path for problem in catalog.problems) == ["tasks/b.py", "tasks/c.py"]


def test_a_folder_of_tasks_that_is_not_there_is_told(found: Found):
    (problem,) = found().problems

    assert "There is no folder tasks: make it" in problem.message


def test_queues_are_found(tmp_path: Path, found: Found):
    write(tmp_path, tasks__a="from perdure import queue\nmail = queue('mail', 5)\n")

    assert [(queue.name, queue.concurrency_limit) for queue in found().queues] == [("mail", 5)]


def test_new_code_has_a_new_hash_wherever_it_is_in_the_project(tmp_path: Path, found: Found):
    write(tmp_path, tasks__a="import lib\n" + ONE, lib="x = 1\n")
    first, again = found().code_hash, found().code_hash
    write(tmp_path, lib="x = 2\n")

    assert (first == again, first == found().code_hash) == (True, False)
