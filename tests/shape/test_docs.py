"""Pages that are written from the code say what it says; what the docs link to is there."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.shape import source

DOCS = source.ROOT / "docs"
LINK = re.compile(r"\]\((?!https?:)([^)#\"]+)")


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The other pages follow the help texts and docstrings, as libraries lay them out.
@pytest.mark.parametrize(
    "page", ["reference/errors.md", "reference/settings.md", "reference/http.md", "internals/lifecycle.md"]
)
def test_a_page_written_from_the_code_is_current(page: str, generate: ModuleType):
    assert (DOCS / page).read_text("utf-8") == generate.PAGES[page](), "run ./dev gen"


@pytest.mark.parametrize(
    "page",
    [*source.ROOT.glob("*.md"), *DOCS.rglob("*.md")],
    ids=lambda page: str(page.relative_to(source.ROOT)),
)
def test_what_a_page_links_to_is_there(page: Path):
    for target in LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
