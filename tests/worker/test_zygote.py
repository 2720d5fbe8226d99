"""The zygote: what it forks never outlives it."""

import signal
import socket
from pathlib import Path

from perdure.wire.executor import Kill
from tests.worker.driver import ZygoteDriver, await_death, await_text, zygote


def test_it_tells_what_is_in_the_project(forking: ZygoteDriver):
    tasks = {task.id: task for task in forking.discovered.tasks}

    assert tasks["pid-fresh"].isolation == "fresh"
    assert not tasks["add-sync"].is_async


def test_it_kills_an_executor_with_all_it_has_started(forking: ZygoteDriver, tmp_path: Path):
    executor = forking.executor()
    mark = tmp_path / "mark"
    executor.start("child-and-sleep", {"mark": str(mark)})
    child = int(await_text(mark, str(executor.pid))[0])

    forking.send(Kill(pid=executor.pid))

    assert forking.status_of(executor.pid) == -signal.SIGKILL
    await_death(child)


def test_what_a_dead_executor_has_started_is_killed(forking: ZygoteDriver, tmp_path: Path):
    executor = forking.executor()
    mark = tmp_path / "mark"
    executor.start("child-and-sleep", {"mark": str(mark)})
    child = int(await_text(mark, str(executor.pid))[0])

    executor.sock.shutdown(socket.SHUT_RDWR)

    forking.status_of(executor.pid)
    await_death(child)


def test_without_a_supervisor_nothing_goes_on(project: Path, tmp_path: Path):
    with zygote(project) as forking:
        mark, held = tmp_path / "mark", tmp_path / "held"
        parent = forking.executor()
        parent.start("child-and-sleep", {"mark": str(mark)})
        stuck = forking.executor()
        stuck.start("hold-interpreter", {"mark": str(held)})
        child = int(await_text(mark, str(parent.pid))[0])
        await_text(held, "began")

        forking.sock.close()

        for pid in (forking.process.pid, parent.pid, stuck.pid, child):
            await_death(pid)


def test_executors_do_not_outlive_a_zygote_that_is_killed(project: Path, tmp_path: Path):
    with zygote(project) as forking:
        executor = forking.executor()
        mark = tmp_path / "mark"
        executor.start("hold-interpreter", {"mark": str(mark)})
        await_text(mark, "began")

        forking.process.kill()

        await_death(executor.pid)
