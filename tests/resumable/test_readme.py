"""The examples of the package's README do what it says."""

import re
from pathlib import Path

import perdure.resumable
from tests.resumable.kit.processes import run_python

README = Path(perdure.resumable.__file__).with_name("README.md").read_text(encoding="utf-8")


def scripts() -> list[str]:
    """The Python blocks that are whole scripts."""
    return [
        block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "StopIteration" in block
    ]


def test_ten_lines_count_to_three_over_three_processes(tmp_path: Path) -> None:
    script = next(block for block in scripts() if "restore(" in block and "write_bytes" in block)
    assert (
        len(
            [line for line in script.splitlines() if line.strip() and not line.startswith(("import", "from"))]
        )
        <= 14
    )
    (tmp_path / "count.py").write_text(script)

    told = [run_python("count.py", cwd=tmp_path).split() for _ in range(3)]

    assert [any(str(number) in word for word in words) for number, words in enumerate(told, 1)] == [True] * 3
    assert told[0] != told[1] != told[2]


def test_every_public_name_is_in_the_readme() -> None:
    for name in perdure.resumable.__all__:
        assert f"`{name}" in README, name
