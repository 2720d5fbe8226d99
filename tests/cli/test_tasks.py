from pathlib import Path

from tests.cli.command import perdure


def place_of_greet(project: Path) -> str:
    """Return where the task begins: with its decorator."""
    lines = (project / "tasks" / "shop.py").read_text().splitlines()
    definition = next(number for number, line in enumerate(lines, 1) if line.startswith("async def greet("))
    return f"tasks/shop.py:{definition - 1}"


def test_tasks_are_listed_with_their_place_without_a_server(project: Path):
    done = perdure("tasks", folder=project)

    assert done.code == 0
    assert place_of_greet(project) in done.out
    assert "sync" in done.out


def test_the_project_is_found_from_a_folder_inside_it(project: Path):
    done = perdure("tasks", "--json", folder=project / "tasks")

    assert "greet" in [task["id"] for task in done.json["tasks"]]


def test_a_file_that_does_not_import_is_shown_with_its_line_and_the_rest_is_listed(project: Path):
    (project / "tasks" / "broken.py").write_text("print('noise')\n\nraise RuntimeError('not [today]')\n")

    shown = perdure("tasks", folder=project)
    found = perdure("tasks", "--json", folder=project)

    assert "tasks/broken.py:3  RuntimeError: not [today]" in shown.out
    assert "greet" in shown.out
    assert [problem["line"] for problem in found.json["problems"]] == [3]
    assert "noise" in found.err


def test_two_tasks_with_one_id_are_told_and_the_first_is_listed(project: Path):
    (project / "tasks" / "twice.py").write_text(
        "from perdure import task\n\n\n@task\ndef greet():\n    pass\n"
    )

    done = perdure("tasks", folder=project)

    assert "Task greet is declared twice" in done.out
    assert place_of_greet(project) in done.out


def test_a_thread_that_the_project_starts_does_not_keep_the_command(project: Path):
    (project / "tasks" / "thread.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
    )

    assert perdure("tasks", folder=project).code == 0
