"""Where clients find the server and the key."""

from pathlib import Path

import pytest

from perdure import NoSecretKey
from perdure.client.settings import Access, find_access
from perdure.core.errors import BadSetting


def test_what_is_given_counts_before_the_environment(tmp_path: Path):
    variables = {"PERDURE_API_URL": "https://there", "PERDURE_SECRET_KEY": "theirs"}

    assert find_access("http://here/", "mine", variables=variables) == Access("http://here", "mine")
    assert find_access(variables=variables) == Access("https://there", "theirs")


def test_a_project_under_dev_needs_no_settings(tmp_path: Path):
    (tmp_path / ".perdure").mkdir()
    (tmp_path / ".perdure" / "dev.key").write_text("kept\n")
    (tmp_path / "tasks").mkdir()

    found = find_access(variables={}, folder=tmp_path / "tasks")

    assert found == Access("http://127.0.0.1:3030", "kept")


def test_no_key_is_told_with_the_next_step(tmp_path: Path):
    with pytest.raises(NoSecretKey, match="set PERDURE_SECRET_KEY, or run `perdure dev`"):
        find_access(variables={}, folder=tmp_path)


@pytest.mark.parametrize("url", ["localhost:3030", "ftp://x", "http://"])
def test_an_address_that_is_none_is_told(url: str):
    with pytest.raises(BadSetting, match="PERDURE_API_URL"):
        find_access(url, "key")
