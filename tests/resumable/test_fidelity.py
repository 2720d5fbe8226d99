"""Rewritten code looks like the user's own: to tracebacks, `inspect`, debuggers and coverage."""

import bdb
import contextlib
import inspect
import sys
import traceback

import coverage
import pytest

from perdure.resumable import capture, restore, resumable, suspend
from tests.resumable.kit.oracle import untouched
from tests.resumable.kit.project import Project, result, waiting

SOURCE = '''\
"""The docstring of the module."""

from __future__ import annotations

from perdure.resumable import suspend

CONSTANT = 3


async def main(a: int, b: str = "x", *rest: float, c: list[int] | None = None, **more) -> tuple[int, ...]:
    """The docstring
    of main."""
    total = a
    for item in (1, 2):
        total += await inner(
            item,
            total,
        )
    return (
        total,
        1 // await suspend("divisor"),
    )


async def inner(item, total=0):
    """The docstring of inner."""
    with_value = [
        await suspend(x)
        for x in (item,)
    ]
    if item == 2 and total > 100:
        raise ValueError(
            with_value,
        )
    return with_value[0]


def plain(x=CONSTANT):
    """No awaits here."""
    return [y for y in range(x)]


class Thing:
    """The docstring of Thing."""

    async def method(self, x: int) -> int:
        """The docstring of method."""
        return await suspend(x)

    @staticmethod
    async def fixed():
        await suspend(1)

    @property
    def size(self):
        return 1

    async def stream(self):
        """The docstring of stream."""
        yield await suspend(1)
'''


@pytest.fixture
def both(project: Project):
    module = project.module(SOURCE)
    return untouched(SOURCE, module.__file__, module.__name__), module


def functions(module):
    return [
        module.main,
        module.inner,
        module.plain,
        module.Thing.method,
        module.Thing.fixed,
        module.Thing.stream,
    ]


def test_names_docstrings_annotations_and_signatures_are_the_user_s(both) -> None:
    plain, module = both

    assert module.__doc__ == plain.__doc__
    for theirs, ours in zip(functions(plain), functions(module), strict=True):
        assert ours.__name__ == theirs.__name__
        assert ours.__qualname__ == theirs.__qualname__
        assert ours.__doc__ == theirs.__doc__
        assert ours.__annotations__ == theirs.__annotations__
        assert ours.__defaults__ == theirs.__defaults__
        assert ours.__kwdefaults__ == theirs.__kwdefaults__
        assert ours.__module__ == module.__name__
        assert str(inspect.signature(ours)) == str(inspect.signature(theirs))


def test_inspect_sees_what_the_user_wrote(both) -> None:
    plain, module = both

    for theirs, ours in zip(functions(plain), functions(module), strict=True):
        assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)
        assert inspect.isasyncgenfunction(ours) == inspect.isasyncgenfunction(theirs)
        assert ours.__code__.co_firstlineno == theirs.__code__.co_firstlineno
        assert ours.__code__.co_filename == module.__file__
        assert ours.__code__.co_argcount == theirs.__code__.co_argcount
        assert ours.__code__.co_kwonlyargcount == theirs.__code__.co_kwonlyargcount
    assert inspect.getsource(module.inner) == inspect.getsource(module.inner.__code__)
    assert inspect.getsource(module.inner).startswith("async def inner(")
    coroutine = module.main(1)
    assert inspect.iscoroutine(coroutine)
    coroutine.close()


def test_a_function_without_awaits_is_not_touched(both) -> None:
    plain, module = both

    assert module.plain.__code__.co_code == plain.plain.__code__.co_code
    assert module.plain.__code__.co_varnames == plain.plain.__code__.co_varnames


def test_the_module_has_no_names_that_a_star_import_would_take(both) -> None:
    plain, module = both

    assert {name for name in vars(module) if not name.startswith("__") and name.isidentifier()} == {
        name for name in vars(plain) if not name.startswith("__")
    }


def lines_of(error: BaseException, filename: str) -> list[tuple[str, int | None]]:
    return [
        (entry.name, entry.lineno)
        for entry in traceback.extract_tb(error.__traceback__)
        if entry.filename == filename
    ]


def failing(coroutine, *answers) -> BaseException:
    with pytest.raises((ZeroDivisionError, ValueError)) as failed:
        result(coroutine, *answers)
    return failed.value


def test_line_numbers_in_tracebacks(both) -> None:
    plain, module = both
    for arguments, answers in [((1,), (1, 2, 0)), ((1,), (500, 1))]:
        theirs = failing(plain.main(*arguments), *answers)
        ours = failing(module.main(*arguments), *answers)

        assert lines_of(ours, module.__file__) == lines_of(theirs, module.__file__)
        assert lines_of(ours, module.__file__)


def test_line_numbers_in_tracebacks_after_a_restore(both) -> None:
    plain, module = both
    expected = lines_of(failing(plain.main(1), 500, 1), module.__file__)
    coroutine = waiting(module.main(1))
    coroutine.send(500)

    restored = restore(capture(coroutine), value=1)

    assert lines_of(failing(restored), module.__file__) == expected


def test_an_error_given_at_restore_shows_the_line_of_each_frame(both) -> None:
    _, module = both
    restored = restore(capture(waiting(module.main(1))), error=ValueError("given"))

    shown = lines_of(failing(restored), module.__file__)

    assert [name for name, _ in shown if name in ("main", "inner")][:2] == ["main", "inner"]
    assert [line for name, line in shown if name == "main"] == [15]
    assert [line for name, line in shown if name == "inner"][-1] == 28


def test_a_restored_coroutine_has_the_name_and_place_of_its_function(both) -> None:
    _, module = both
    coroutine = waiting(module.main(1))
    restored = restore(capture(coroutine))
    restored.send(None)

    assert restored.__name__ == coroutine.__name__ == "main"
    assert restored.__qualname__ == coroutine.__qualname__
    assert restored.cr_frame.f_lineno == coroutine.cr_frame.f_lineno == 15
    assert restored.cr_code.co_filename == module.__file__
    assert inspect.iscoroutine(restored)
    restored.close()


def executed_lines(run, filename: str) -> list[int]:
    lines: list[int] = []

    def trace(frame, event, _):
        if frame.f_code.co_filename != filename:
            return None
        if event == "line":
            lines.append(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return lines


def lines_missed(run, filename: str) -> list[int]:
    """What coverage.py says did not run."""
    measured = coverage.Coverage(data_file=None, config_file=False, include=[filename])
    measured.start()
    try:
        run()
    finally:
        measured.stop()
    return measured.analysis2(filename)[3]


@pytest.mark.parametrize("answers", [(1, 2, 1), (500, 1)], ids=["returns", "raises"])
def test_coverage_is_that_of_the_user_s_source(both, answers: tuple[int, ...]) -> None:
    plain, module = both

    def run(main):
        with contextlib.suppress(ValueError):
            result(main(1), *answers)

    theirs = lines_missed(lambda: run(plain.main), module.__file__)
    assert lines_missed(lambda: run(module.main), module.__file__) == theirs
    assert theirs


def test_only_lines_of_the_source_are_seen_in_their_order(both) -> None:
    plain, module = both
    theirs = executed_lines(lambda: result(plain.main(1), 1, 2, 1), module.__file__)
    ours = executed_lines(lambda: result(module.main(1), 1, 2, 1), module.__file__)

    assert set(theirs) <= set(ours) <= set(theirs) | {30}  # the end of a comprehension


def test_after_a_restore_only_lines_that_run_are_seen(both) -> None:
    _, module = both
    coroutine = waiting(module.main(1))
    coroutine.send(1)
    data = capture(coroutine)

    ours = executed_lines(lambda: result(restore(data, value=2), 1), module.__file__)

    assert {20, 21} <= set(ours)
    assert 13 not in ours


class _Stops(bdb.Bdb):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, int, object]] = []

    def user_line(self, frame) -> None:
        if self.break_here(frame):
            self.seen.append((frame.f_code.co_name, frame.f_lineno, frame.f_locals.get("item")))


def test_a_debugger_stops_at_breakpoints_awake_and_restored(both) -> None:
    _, module = both
    data = capture(waiting(module.main(1)))

    def stops(run) -> list:
        debugger = _Stops()
        assert debugger.set_break(module.__file__, 31) is None
        debugger.runcall(run)
        return debugger.seen

    assert stops(lambda: result(module.main(1), 1, 2, 1)) == [("inner", 31, 1), ("inner", 31, 2)]
    assert stops(lambda: result(restore(data, value=1), 2, 1)) == [("inner", 31, 1), ("inner", 31, 2)]


def test_a_decorated_function_is_resumable_without_a_project() -> None:
    @resumable
    async def local(a, *, b=2):
        """Documented."""
        c = a + await suspend("c")
        return a, b, c

    assert local.__doc__ == "Documented."
    assert local.__qualname__.endswith("<locals>.local")
    assert inspect.iscoroutinefunction(local)
    assert str(inspect.signature(local)) == "(a, *, b=2)"
    assert result(restore(capture(waiting(local(1))), value=5)) == (1, 2, 6)


def test_a_decorated_function_keeps_the_variables_it_closes_over() -> None:
    total = 1

    @resumable
    async def local():
        nonlocal total
        total += await suspend("x")
        return total

    assert result(local(), 2) == 3
    assert total == 3


def test_the_decorator_leaves_a_function_without_awaits_alone() -> None:
    async def plain():
        return 1

    code = plain.__code__

    assert resumable(plain) is plain
    assert plain.__code__ is code


def test_resumable_of_something_else_says_what_it_wants() -> None:
    with pytest.raises(TypeError, match="def"):
        resumable(3)  # type: ignore[arg-type]


def test_a_function_of_a_doctest_or_notebook(project: Project) -> None:
    import doctest

    module = project.module('''
        def example():
            """
            >>> from perdure.resumable import resumable, suspend, capture, restore
            >>> @resumable
            ... async def count(n):
            ...     for x in range(n):
            ...         print("at", x, await suspend(x))
            >>> coro = count(2)
            >>> coro.send(None)
            0
            >>> again = restore(capture(coro), value="a")
            >>> again.send(None)
            at 0 a
            1
            >>> again.close()
            """
    ''')

    assert doctest.testmod(module).failed == 0
