"""The tasks of a project that behaves as badly as code can.  Loaded by workers, not by pytest."""

import asyncio
import ctypes
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from perdure import logger, metadata, task, wait

ENDLESS = 3600


@task(id="add")
async def add(a: int, b: int) -> int:
    return a + b


@task(id="rest")
async def rest() -> None:
    await wait.for_(days=1)


@task(id="add-sync")
def add_sync(a: int, b: int) -> int:
    return a + b


@task(id="pid")
async def pid() -> int:
    return os.getpid()


@task(id="trigger-add")
async def trigger_add() -> int:
    await add.trigger(a=1, b=1)
    return os.getpid()


@task(id="parent-pid")
async def parent_pid() -> int:
    return os.getppid()


@task(id="pid-sync")
def pid_sync() -> int:
    return os.getpid()


@task(id="pid-fresh", isolation="fresh")
async def pid_fresh() -> int:
    return os.getpid()


@task(id="pid-shared", isolation="shared")
async def pid_shared() -> int:
    return os.getpid()


@task(id="pid-shared-sync", isolation="shared")
def pid_shared_sync() -> int:
    return os.getpid()


@task(id="meet-shared", isolation="shared")
async def meet_shared(count: int) -> int:
    """Return when so many of these run at once in one process."""
    MET.append(asyncio.current_task())
    if len(MET) == count:
        ALL_MET.set()
    await ALL_MET.wait()
    return os.getpid()


MET: list = []
ALL_MET = asyncio.Event()


@task(id="contained", isolation="container")
async def contained() -> None: ...


@task(id="fail")
async def fail() -> None:
    raise ValueError("no good")


@task(id="sys-exit")
async def sys_exit(code: int) -> None:
    sys.exit(code)


@task(id="sys-exit-sync")
def sys_exit_sync(code: int) -> None:
    sys.exit(code)


@task(id="sys-exit-inside")
async def sys_exit_inside() -> None:
    async def leave() -> None:
        sys.exit(7)

    await asyncio.gather(leave(), asyncio.sleep(ENDLESS))


@task(id="os-exit")
async def os_exit(code: int) -> None:
    os._exit(code)


@task(id="segfault")
def segfault() -> None:
    ctypes.string_at(0)


@task(id="kill")
def kill(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(ENDLESS)


@task(id="sleep")
async def sleep(mark: str | None = None) -> None:
    """Sleep; say by a file that it began, and how it ended."""
    _write(mark, "began")
    try:
        await asyncio.sleep(ENDLESS)
    except asyncio.CancelledError:
        _write(mark, "canceled")
        raise


@task(id="sleep-sync")
def sleep_sync(mark: str | None = None) -> None:
    _write(mark, "began")
    try:
        time.sleep(ENDLESS)
    finally:
        _write(mark, "canceled")


@task(id="sleep-shared", isolation="shared")
async def sleep_shared(mark: str | None = None) -> None:
    _write(mark, "began")
    await asyncio.sleep(ENDLESS)


@task(id="pause")
async def pause(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "rested"


@task(id="pause-shared", isolation="shared")
async def pause_shared(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "rested"


@task(id="stubborn")
async def stubborn(mark: str) -> None:
    """Take no notice of a cancellation."""
    _write(mark, "began")
    while True:
        try:
            await asyncio.sleep(ENDLESS)
        except asyncio.CancelledError:
            _write(mark, "refused")


@task(id="stubborn-shared", isolation="shared")
async def stubborn_shared(mark: str) -> None:
    _write(mark, "began")
    while True:
        try:
            await asyncio.sleep(ENDLESS)
        except asyncio.CancelledError:
            _write(mark, "refused")


@task(id="block")
async def block(seconds: float) -> str:
    time.sleep(seconds)  # noqa: ASYNC251
    return "unblocked"


@task(id="hold-interpreter")
def hold_interpreter(mark: str) -> None:
    """Keep every other thread of this process from running, as bad native code does."""
    _write(mark, "began")
    ctypes.PyDLL(None).sleep(ENDLESS)


@task(id="grow", machine="micro")
def grow(megabytes: int, seconds: float = 0) -> int:
    held = bytearray(random.randbytes(1024 * 1024) * megabytes)
    time.sleep(seconds)
    return len(held)


@task(id="grow-child", machine="micro")
def grow_child(megabytes: int) -> None:
    code = f"import time; held = b'x' * ({megabytes} << 20); time.sleep({ENDLESS})"
    subprocess.run([sys.executable, "-c", code], check=False)


@task(id="leave-thread")
def leave_thread() -> int:
    threading.Thread(target=time.sleep, args=(ENDLESS,), name="straggler", daemon=True).start()
    return os.getpid()


@task(id="leave-task")
async def leave_task() -> int:
    async def straggle() -> None:
        await asyncio.sleep(ENDLESS)

    LEFT.append(asyncio.ensure_future(straggle()))
    return os.getpid()


LEFT: list = []


@task(id="leave-child")
def leave_child(*, hide: bool) -> int:
    """Leave a child; hidden, it is an orphan in a session of its own."""
    command = ["sh", "-c", "sleep 3600 & echo $!"] if hide else ["sh", "-c", "echo $$; exec sleep 3600"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=hide)
    assert child.stdout is not None
    return int(child.stdout.readline())


@task(id="child-and-sleep")
def child_and_sleep(mark: str) -> None:
    child = subprocess.Popen(["sleep", str(ENDLESS)], start_new_session=True)
    _write(mark, str(child.pid))
    time.sleep(ENDLESS)


@task(id="print")
def print_much(lines: int, width: int) -> None:
    text = "x" * width
    for _ in range(lines):
        print(text)


@task(id="log")
async def log(count: int) -> None:
    for number in range(count):
        logger.info(f"line {number}", number=number)


@task(id="big")
async def big(size: int) -> str:
    return "x" * size


@task(id="count")
async def count(times: int) -> None:
    for _ in range(times):
        metadata.increment("done", 1)
    await metadata.flush()


@task(id="thread-of-asyncio")
async def thread_of_asyncio() -> int:
    return await asyncio.to_thread(os.getpid)


def _write(mark: str | None, text: str) -> None:
    if mark is not None:
        with Path(mark).open("a") as file:
            file.write(f"{text} {os.getpid()}\n")
