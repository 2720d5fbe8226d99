import subprocess
import sys
from pathlib import Path

import pytest

from perdure.cli.exits import Exit
from tests.cli.command import perdure
from tests.support.processes import variables


def test_help_names_every_command_and_exit_code(tmp_path: Path):
    done = perdure("--help", folder=tmp_path)

    assert done.code == Exit.OK
    for name in ("init", "dev", "server", "worker", "trigger", "runs", "tasks", "workers", "doctor"):
        assert f"\n  {name} " in done.out
    for exit in Exit:
        assert f"{exit.value}  {exit.meaning}" in done.out


def test_help_loads_nothing_of_what_the_commands_use():
    code = (
        "import sys; from perdure.cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables(), capture_output=True, text=True, check=True
    )

    loaded = set(done.stderr.split())
    assert loaded.isdisjoint({"pydantic", "rich", "starlette", "uvicorn", "aiohttp", "asyncpg", "watchfiles"})


def test_without_a_command_it_shows_its_help(tmp_path: Path):
    done = perdure(folder=tmp_path)

    assert (done.code, done.err) == (Exit.OK, "")
    assert "Commands:" in done.out


def test_the_version_is_told(tmp_path: Path):
    done = perdure("--version", folder=tmp_path)

    assert done.out.startswith("perdure 0.")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["trigge"], "No such command 'trigge'. Did you mean 'trigger'? See `perdure --help`."),
        (["runs", "lst"], "Did you mean 'list'? See `perdure runs --help`."),
        (["trigger", "greet", "--paylod", "{}"], "Did you mean --payload?"),
        (["trigger"], "which task?"),
        (["dev", "--port", "many"], "--port"),
    ],
)
def test_wrong_usage_is_told_in_one_line_with_the_nearest_name(
    arguments: list[str], told: str, tmp_path: Path
):
    done = perdure(*arguments, folder=tmp_path)

    assert (done.code, done.out) == (Exit.USAGE, "")
    assert done.err.startswith("perdure: ")
    assert told in done.err
    assert done.err.count("\n") == 1


def test_an_unknown_setting_is_refused_with_the_nearest_name(tmp_path: Path):
    done = perdure("workers", folder=tmp_path, PERDURE_API_ULR="http://127.0.0.1:3030")

    assert done.code == Exit.USAGE
    assert "PERDURE_API_ULR" in done.err
    assert "PERDURE_API_URL" in done.err


def test_an_address_that_is_none_is_refused(tmp_path: Path):
    done = perdure(
        "workers",
        folder=tmp_path,
        PERDURE_API_URL="localhost:3030",
        PERDURE_SECRET_KEY="tr_dev_0123456789abcdef",
    )

    assert done.code == Exit.USAGE
    assert "PERDURE_API_URL" in done.err


def test_without_a_server_the_exit_code_is_4_and_the_next_step_is_told(tmp_path: Path):
    done = perdure(
        "workers",
        folder=tmp_path,
        PERDURE_API_URL="http://127.0.0.1:9",
        PERDURE_SECRET_KEY="tr_dev_0123456789abcdef",
    )

    assert done.code == Exit.NO_SERVER
    assert "perdure dev" in done.err
    assert "Traceback" not in done.err


def test_without_a_key_the_exit_code_is_5(tmp_path: Path):
    done = perdure("workers", folder=tmp_path)

    assert done.code == Exit.KEY_REFUSED
    assert "PERDURE_SECRET_KEY" in done.err
