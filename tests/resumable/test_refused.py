"""What can't be captured is refused at capture, by name; never guessed, never refused at restore."""

import sys

import pytest

from perdure.resumable import NotResumable, capture
from tests.resumable.kit.project import Folder, Project, result, waiting

HOLDERS = """
    import contextlib, glob, queue, socket, sqlite3, sys, tempfile, threading
    from perdure.resumable import suspend

    async def a_lock():
        lock = threading.Lock()
        await suspend(1)

    async def an_open_file():
        with tempfile.TemporaryFile() as file:
            await suspend(1)

    async def a_socket():
        left, _ = 1, 2
        with socket.socket() as connection:
            await suspend(1)

    async def a_database_connection():
        with contextlib.closing(sqlite3.connect(":memory:")) as database:
            await suspend(1)

    async def a_queue():
        waiting = queue.Queue()
        await suspend(1)

    async def a_thread():
        thread = threading.Thread()
        await suspend(1)

    async def a_generator_of_a_library():
        paths = glob.iglob("*")
        next(paths, None)
        await suspend(1)

    async def a_coroutine_not_awaited():
        later = suspend_later()
        try:
            await suspend(1)
        finally:
            later.close()

    async def suspend_later():
        await suspend(2)

    async def a_frame():
        frame = sys._getframe()
        await suspend(1)

    async def something_deep_inside():
        state = {"list": [1, (2, threading.Lock())]}
        await suspend(1)

    async def a_closure():
        locked = look_at(threading.Lock())
        await suspend(1)

    def look_at(lock):
        return lambda: lock.locked()

    async def an_object_that_refuses():
        stubborn = Stubborn()
        await suspend(1)

    class Stubborn:
        def __reduce__(self):
            raise TypeError("stubborn things stay at home")
"""

CASES = [
    ("a_lock", "lock", "lock"),
    ("an_open_file", "file", "Buffered"),
    ("a_socket", "connection", "socket"),
    ("a_database_connection", "database", "Connection"),
    ("a_queue", "waiting", "lock"),
    ("a_thread", "thread", ""),
    ("a_generator_of_a_library", "paths", "generator"),
    ("a_coroutine_not_awaited", "later", "coroutine"),
    ("a_frame", "frame", "frame"),
    ("something_deep_inside", "state", "lock"),
    ("a_closure", "locked", ""),
    ("an_object_that_refuses", "stubborn", "stubborn things stay at home"),
]


@pytest.mark.parametrize(("function", "local", "reason"), CASES, ids=[case[0] for case in CASES])
def test_a_local_that_cannot_be_stored_is_named(
    project: Project, function: str, local: str, reason: str
) -> None:
    module = project.module(HOLDERS)
    coroutine = waiting(getattr(module, function)())

    with pytest.raises(NotResumable) as refused:
        capture(coroutine)
    error = refused.value
    coroutine.close()

    assert error.function == f"{module.__name__}.{function}"
    assert error.file == module.__file__
    assert error.line == project.line(module, "await suspend(1)", f"def {function}(")
    assert error.local == local
    assert reason in error.reason
    for part in (error.function, error.file, str(error.line), local, error.reason):
        assert part in str(error)


def test_the_frame_that_holds_the_value_is_named_not_the_one_that_waits(project: Project) -> None:
    module = project.module("""
        import threading
        from perdure.resumable import suspend

        async def outer():
            lock = threading.Lock()
            return await inner()

        async def inner():
            await suspend(1)
    """)
    coroutine = waiting(module.outer())

    with pytest.raises(NotResumable) as refused:
        capture(coroutine)

    assert refused.value.function.endswith(".outer")
    assert refused.value.line == project.line(module, "await inner()")
    assert refused.value.local == "lock"


def test_a_refused_coroutine_goes_on_undisturbed(project: Project) -> None:
    module = project.module("""
        import threading
        from perdure.resumable import suspend

        async def main():
            lock = threading.Lock()
            with lock:
                first = await suspend(1)
            del lock
            return first, await suspend(2)
    """)
    coroutine = waiting(module.main())
    with pytest.raises(NotResumable):
        capture(coroutine)

    coroutine.send("a")
    assert capture(coroutine)
    with pytest.raises(StopIteration) as stopped:
        coroutine.send("b")

    assert stopped.value.value == ("a", "b")


def test_a_frame_of_a_library_in_between_is_named(project: Project, library: Folder) -> None:
    other = library.write("async def call(function):\n    return await function()\n")
    module = project.module(f"""
        import {other}
        from perdure.resumable import suspend

        async def main():
            return await {other}.call(inner)

        async def inner():
            await suspend(1)
    """)
    coroutine = waiting(module.main())

    with pytest.raises(NotResumable) as refused:
        capture(coroutine)

    error = refused.value
    assert (error.function, error.line) == (f"{module.__name__}.main", 6)
    assert f"{other}.call" in error.reason
    assert f"{other}.py" in error.reason
    assert "line 2" in error.reason
    assert error.local is None


def test_a_stack_that_is_entering_a_manager_is_named(project: Project) -> None:
    module = project.module("""
        import contextlib
        from perdure.resumable import suspend

        @contextlib.asynccontextmanager
        async def manager():
            yield await suspend("entering")

        async def main():
            async with contextlib.AsyncExitStack() as stack:
                return await stack.enter_async_context(manager())
    """)

    with pytest.raises(NotResumable, match=r"contextlib\.AsyncExitStack\.enter_async_context") as refused:
        capture(waiting(module.main()))

    assert refused.value.function == f"{module.__name__}.main"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="until Python 3.13 these iterators can be stored")
def test_an_iterator_that_hides_its_place_is_named(project: Project) -> None:
    module = project.module("""
        import itertools
        from perdure.resumable import suspend

        async def main():
            for item in itertools.islice([1, 2, 3], 2):
                await suspend(item)
    """)

    with pytest.raises(NotResumable, match=r"itertools\.islice.*since Python 3\.14"):
        capture(waiting(module.main()))


def test_an_async_generator_of_a_library_is_refused(project: Project, library: Folder) -> None:
    other = library.write("async def numbers():\n    for x in range(3):\n        yield x\n")
    module = project.module(f"""
        import {other}
        from perdure.resumable import suspend

        async def main():
            async for x in {other}.numbers():
                await suspend(x)
    """)
    coroutine = waiting(module.main())

    with pytest.raises(NotResumable) as refused:
        capture(coroutine)

    assert refused.value.function.endswith(".main")
    assert "async_generator" in refused.value.reason or "async generator" in refused.value.reason


def test_an_async_generator_of_a_library_that_awaits_ours_is_refused(
    project: Project, library: Folder
) -> None:
    other = library.write("async def each(function):\n    yield await function()\n")
    module = project.module(f"""
        import {other}
        from perdure.resumable import suspend

        async def main():
            async for x in {other}.each(inner):
                pass

        async def inner():
            await suspend(1)
    """)
    coroutine = waiting(module.main())

    with pytest.raises(NotResumable) as refused:
        capture(coroutine)

    assert refused.value.function.endswith(".main")
    assert f"{other}.each" in refused.value.reason


def test_an_operand_that_cannot_be_stored_is_refused_without_a_local(project: Project) -> None:
    module = project.module("""
        import threading
        from perdure.resumable import suspend

        async def main():
            return [threading.Lock(), await suspend(1)]
    """)
    coroutine = waiting(module.main())

    with pytest.raises(NotResumable) as refused:
        capture(coroutine)

    assert refused.value.function.endswith(".main")
    assert refused.value.local is None
    assert "lock" in refused.value.reason


def test_a_coroutine_that_is_not_ours_is_refused() -> None:
    async def stranger() -> None:
        await _Pause()

    coroutine = waiting(stranger())

    with pytest.raises(NotResumable, match="stranger"):
        capture(coroutine)


class _Pause:
    def __await__(self):
        yield "from elsewhere"


def test_a_wait_that_is_not_suspend_is_refused(project: Project) -> None:
    module = project.module("""
        async def main(pause):
            await pause
    """)
    coroutine = waiting(module.main(_Pause()))

    with pytest.raises(NotResumable) as refused:
        capture(coroutine)

    assert refused.value.function.endswith(".main")
    assert refused.value.line == 3


def test_a_coroutine_that_has_ended_says_so(project: Project) -> None:
    module = project.module("""
        from perdure.resumable import suspend

        async def main():
            await suspend(1)
    """)
    ended = waiting(module.main())
    with pytest.raises(StopIteration):
        ended.send(None)

    with pytest.raises(NotResumable) as refused:
        capture(ended)

    assert refused.value.function.endswith(".main")


def test_a_running_coroutine_cannot_capture_itself(project: Project) -> None:
    module = project.module("""
        from perdure.resumable import capture, suspend

        async def main(me):
            await suspend(1)
            return capture(me[0])
    """)
    me = []
    me.append(module.main(me))

    with pytest.raises(NotResumable) as refused:
        result(me[0], None)

    assert refused.value.function.endswith(".main")


def test_a_not_resumable_error_travels_between_processes() -> None:
    import pickle

    error = NotResumable("is a lock", function="m.f", file="/a.py", line=3, local="lock")

    again = pickle.loads(pickle.dumps(error))

    assert (again.function, again.file, again.line, again.local) == ("m.f", "/a.py", 3, "lock")
    assert str(again) == str(error)
