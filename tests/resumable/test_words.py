"""Only what can wait is looked at: a quick look at the text decides, and must never overlook an await."""

import pytest

from perdure.resumable import capture, restore, resumable
from perdure.resumable.loader import Loader
from tests.resumable.kit.project import Project, result, waiting


def test_a_module_without_a_word_of_waiting_is_compiled_as_it_is() -> None:
    source = "def double(x):\n    return [2 * y for y in x]\n\n\nclass Box:\n    size = 1\n"

    assert Loader("m", "m.py").source_to_code(source.encode(), "m.py") == compile(source, "m.py", "exec")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_any_line_ending_will_do(project: Project, ending: str) -> None:
    source = ["from perdure.resumable import suspend", "", "text = 'a\f\x1e\u2028b'", ""]
    source += ["async def main():", "    first = 1", "    return first, await suspend(first), text"]
    name = project.write("")
    (project.folder / f"{name}.py").write_bytes(ending.join(source).encode())

    coroutine = waiting(project.load(name).main())
    assert result(restore(capture(coroutine), value=2)) == (1, 2, "a\f\x1e\u2028b")


def test_an_await_in_a_decorator_above_the_first_statement_is_seen(project: Project) -> None:
    module = project.module("""
        from perdure.resumable import suspend

        def times(factor):
            return lambda function: lambda x: factor * function(x)

        async def main():
            @times(
                await suspend("factor")
            )
            def increased(x):
                return x + 1

            return increased(1)
    """)

    assert result(restore(capture(waiting(module.main())), value=10)) == 20


def test_a_wait_in_a_method_deep_among_plain_code_is_seen(project: Project) -> None:
    module = project.module("""
        from perdure.resumable import suspend

        if True:
            def plain():
                return "async def and await, in a string"

            try:
                class Outer:
                    class Inner:
                        def maker(self):
                            async def waits(): return self, await suspend("inner")
                            return waits
            finally:
                pass
    """)
    inner = module.Outer.Inner()

    assert result(restore(capture(waiting(inner.maker()())), value=1))[1] == 1


def test_a_lambda_needs_no_rewriting() -> None:
    double = resumable(lambda x: 2 * x)

    assert double(2) == 4
