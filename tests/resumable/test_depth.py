"""Python compiles twenty nested blocks; what would need more is refused, by name, and still runs."""

import pytest

from perdure.resumable import NotResumable, capture
from tests.resumable.kit.project import Project, waiting


def test_a_function_nested_too_deep_is_imported_and_refused(project: Project) -> None:
    module = project.module("""
        from perdure.resumable import suspend

        async def deep(manager):
            async with manager, manager, manager:
                try:
                    async with manager, manager, manager:
                        try:
                            async with manager, manager, manager:
                                try:
                                    return await suspend(1)
                                finally:
                                    await suspend(2)
                        finally:
                            await suspend(3)
                finally:
                    await suspend(4)

        async def shallow():
            return await suspend(5)

        class Manager:
            async def __aenter__(self): pass
            async def __aexit__(self, *_): pass
    """)
    coroutine = waiting(module.deep(module.Manager()))

    with pytest.raises(NotResumable) as refused:
        capture(coroutine)

    assert refused.value.function == f"{module.__name__}.deep"
    assert "too deep" in refused.value.reason
    assert [coroutine.send(None) for _ in range(3)] == [2, 3, 4]
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert capture(waiting(module.shallow()))


def test_a_place_too_deep_for_re_entry_is_refused_at_capture_not_at_restore(project: Project) -> None:
    module = project.module("""
        from contextlib import nullcontext
        from perdure.resumable import suspend

        async def deep(manager):
            try:
                raise ExceptionGroup("g", [KeyError(await suspend("shallow"))])
            except* KeyError as error:
                try:
                    async with manager, manager as x:
                        with nullcontext(), nullcontext(), nullcontext():
                            await suspend("deep")
                    await suspend(1)
                finally:
                    await suspend(2)
            finally:
                await suspend(3)

        class Manager:
            async def __aenter__(self): pass
            async def __aexit__(self, *_): pass
    """)
    coroutine = waiting(module.deep(module.Manager()))
    assert capture(coroutine)
    assert coroutine.send(1) == "deep"

    with pytest.raises(NotResumable, match="too deep") as refused:
        capture(coroutine)

    assert refused.value.line == project.line(module, 'suspend("deep")')
    assert [coroutine.send(None) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(StopIteration):
        coroutine.send(None)
