import tomllib
from pathlib import Path

from tests.cli.command import perdure


def test_init_makes_a_project_whose_task_imports(tmp_path: Path):
    done = perdure("init", "shop", folder=tmp_path)

    assert done.code == 0
    assert "perdure dev" in done.out
    assert "perdure trigger hello" in done.out
    assert (tmp_path / "shop" / ".gitignore").read_text() == ".perdure/\n"
    found = perdure("tasks", "--json", folder=tmp_path / "shop").json
    assert [task["id"] for task in found["tasks"]] == ["hello"]
    assert found["problems"] == []


def test_init_adds_its_settings_to_a_pyproject_and_keeps_the_rest(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"  # ours')
    (tmp_path / ".gitignore").write_text("*.pyc")

    assert perdure("init", folder=tmp_path).code == 0

    text = (tmp_path / "pyproject.toml").read_text()
    assert text.startswith('[project]\nname = "shop"  # ours\n')
    assert tomllib.loads(text)["tool"]["perdure"] == {"dirs": ["tasks"]}
    assert not (tmp_path / "perdure.toml").exists()
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n.perdure/\n"


def test_a_second_init_changes_nothing(tmp_path: Path):
    perdure("init", folder=tmp_path)
    (tmp_path / "tasks" / "hello.py").write_text("# mine\n")
    before = {file: file.read_text() for file in tmp_path.rglob("*") if file.is_file()}

    done = perdure("init", folder=tmp_path)

    assert done.code == 0
    assert {file: file.read_text() for file in tmp_path.rglob("*") if file.is_file()} == before
