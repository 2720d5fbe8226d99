"""A snapshot goes on in the code it was taken in, and in no other."""

from textwrap import dedent

import pytest

from perdure.resumable import CodeChanged, capture, restore
from tests.resumable.kit.project import Project, result, waiting

SOURCE = dedent("""
    from perdure.resumable import suspend

    async def outer(a):
        b = await inner(a + 1000)
        return b, other()

    async def inner(c):
        d = [x for x in [1, 2]]
        return await suspend(c), d

    def other():
        return "other"
""")


def after(project: Project, change: dict[str, str], source: str = SOURCE):
    """Suspend in the source, change it, import it anew, go on."""
    name = project.write(source)
    data = capture(waiting(project.load(name).outer(1)))
    for old, new in change.items():
        assert old in source
        source = source.replace(old, new)
    project.write(source, name)
    project.load(name)
    return result(restore(data, value="v"))


def test_unchanged_code_goes_on(project: Project) -> None:
    assert after(project, {}) == (("v", [1, 2]), "other")


@pytest.mark.parametrize(
    "change",
    [
        {"async def outer": "# a comment\n\n\nasync def outer"},
        {"    b = await": "    # here\n\n    b = await"},
        {"await inner(a + 1000)": "(await\n        inner( a+1000 ,\n        ))"},
        {"return b, other()": "return (b, other())  # both"},
        {"[x for x in [1, 2]]": "[\n        x\n        for x in [1, 2]\n    ]"},
        {"from perdure": "import json\nimport sys\nfrom perdure"},
        {"def other": "class New:\n    pass\n\n\ndef other"},
        {"1000": "1_000"},
    ],
    ids=["comment", "lines", "format", "parentheses", "comprehension", "imports", "class", "spelling"],
)
def test_comments_format_and_lines_are_no_change(project: Project, change: dict[str, str]) -> None:
    assert after(project, change) == (("v", [1, 2]), "other")


def test_another_function_may_change(project: Project) -> None:
    assert after(project, {'"other"': '"changed"'}) == (("v", [1, 2]), "changed")


@pytest.mark.parametrize(
    ("change", "function"),
    [
        ({"1000": "2000"}, "outer"),
        ({"return b, other()": "return other(), b"}, "outer"),
        ({"b = await": "e = await", "return b": "return e"}, "outer"),
        ({"outer(a)": "outer(a, *rest)"}, "outer"),
        ({"[1, 2]": "[1, 3]"}, "inner"),
        ({"suspend(c), d": "suspend(d), c"}, "inner"),
        ({"x for x in": "y for y in"}, "inner"),
        ({"async def inner(c):": "async def inner(c):\n    print()"}, "inner"),
    ],
    ids=["constant", "order", "name", "parameter", "list", "swap", "variable", "statement"],
)
def test_changed_code_is_refused_by_name(project: Project, change: dict[str, str], function: str) -> None:
    with pytest.raises(CodeChanged) as changed:
        after(project, change)

    assert changed.value.function.endswith(f".{function}")
    assert function in str(changed.value)


@pytest.mark.parametrize(
    "change",
    [
        {"async def inner": "async def renamed", "await inner": "await renamed"},
        {"async def inner": "def inner", "await suspend(c)": "suspend(c)"},
    ],
    ids=["renamed", "no longer async"],
)
def test_a_function_that_is_gone_is_refused_by_name(project: Project, change: dict[str, str]) -> None:
    with pytest.raises(CodeChanged):
        after(project, change)


def test_a_module_that_is_gone_is_refused_by_name(project: Project) -> None:
    name = project.write(SOURCE)
    module = project.load(name)
    data = capture(waiting(module.outer(1)))
    (project.folder / f"{name}.py").unlink()
    import sys

    del sys.modules[name]

    with pytest.raises(CodeChanged, match=name):
        restore(data, value=1)


def test_a_changed_nested_function_is_a_change_of_the_frame_that_runs_it(project: Project) -> None:
    source = dedent("""
        from perdure.resumable import suspend

        async def outer(a):
            async def inner(b):
                return await suspend(a), b + 1
            return await inner(2)
    """)
    assert after(
        project, {"return await suspend(a), b + 1": "return (await suspend(a),\n b + 1)"}, source
    ) == ("v", 3)

    with pytest.raises(CodeChanged, match=r"inner|outer"):
        after(project, {"b + 1": "b + 2"}, source)
