"""The face: what `perdure` shows, to programs and to type checkers, and what it costs to load."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import perdure
import perdure.testing
from tests.shape import source

LAZY = ["perdure", "perdure.client", "perdure.client.calls", "perdure.sdk", "perdure.testing", "perdure.wire"]

# What takes long to load, and what only a server needs.
HEAVY = (
    "pydantic",
    "pydantic_core",
    "aiohttp",
    "asyncio",
    "http.client",
    "jwt",
    "starlette",
    "uvicorn",
    "asyncpg",
)
SERVERS = ("perdure.server", "perdure.engine", "perdure.store", "sqlite3", "perdure.worker")


def _stub(package: str) -> dict[str, str]:
    """Return the names in a package's stub, and the modules it takes them from."""
    path = Path(str(import_module(package).__file__)).with_suffix(".pyi")
    names = {}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names.update({alias.asname or alias.name: str(node.module) for alias in node.names})
    return names


def _listed(package: str) -> list[str]:
    path = Path(str(import_module(package).__file__)).with_suffix(".pyi")
    (names,) = [
        node.value
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return ast.literal_eval(names)


@pytest.mark.parametrize("package", [perdure, perdure.testing], ids=lambda package: package.__name__)
def test_programs_and_type_checkers_see_the_same_names(package: ModuleType):
    assert _stub(package.__name__) == package._HOMES
    assert sorted(_listed(package.__name__)) == sorted(package.__all__)


@pytest.mark.parametrize("package", LAZY)
def test_each_name_of_a_stub_is_there(package: str):
    module = import_module(package)
    missing = [name for name in _stub(package) if not hasattr(module, name)]

    assert missing == []


@pytest.mark.parametrize("package", LAZY)
def test_an_unknown_name_is_told_as_python_tells_it(package: str):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nonsense'"):
        _ = import_module(package).nonsense


def test_names_that_are_not_loaded_yet_are_listed():
    assert set(perdure.__all__) <= set(dir(perdure))


def _loaded_by(code: str) -> set[str]:
    """Return the modules that a new interpreter has after it ran some code."""
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=source.ROOT
    )
    return set(done.stdout.split())


DECLARING = """
from perdure import AbortRun, Local, Queue, Retry, RunFailed, ctx, hooks, idempotency_key, logger
from perdure import metadata, middleware, queue, tags, task

mail = queue("mail", 3)

@task(id="t", queue=mail, retry=Retry(max_attempts=2), machine="micro", max_duration="1h")
async def send(to: str) -> str:
    return to

sending = send.options(delay="1h", idempotency_key="k")
hooks.on_success(lambda output: None)
"""


@pytest.mark.parametrize("code", ["import perdure", DECLARING], ids=["import", "declare"])
def test_declaring_a_task_loads_nothing_heavy(code: str):
    loaded = _loaded_by(code)

    assert loaded.isdisjoint(HEAVY), sorted(loaded.intersection(HEAVY))


def test_no_code_of_a_server_is_loaded_by_all_of_the_face():
    loaded = _loaded_by("import perdure\nfor name in perdure.__all__: getattr(perdure, name)")

    assert loaded.isdisjoint(SERVERS), sorted(loaded.intersection(SERVERS))
