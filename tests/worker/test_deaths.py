import signal

import pytest

from perdure.wire.values import ErrorCode
from perdure.worker import deaths, system
from perdure.worker.machines import MACHINES, machine_for, next_larger
from perdure.worker.memory import KernelWatch


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (0, ErrorCode.EXITED),
        (3, ErrorCode.EXITED),
        (-signal.SIGSEGV, ErrorCode.SEGFAULT),
        (-signal.SIGBUS, ErrorCode.SEGFAULT),
        (-signal.SIGABRT, ErrorCode.EXITED),
        (-signal.SIGTERM, ErrorCode.EXITED),
        (-signal.SIGUSR2, ErrorCode.EXITED),
        (-signal.SIGKILL, ErrorCode.EXITED),
        (128 + signal.SIGKILL, ErrorCode.EXITED),
        (128 + signal.SIGSEGV, ErrorCode.SEGFAULT),
        (255, ErrorCode.EXITED),
    ],
)
def test_each_way_to_die_has_its_code_and_names_the_task(status, code):
    error = deaths.of_exit("resize", status)

    assert error.code == code
    assert "resize" in (error.message or "")


@pytest.mark.parametrize("status", [-signal.SIGKILL, 128 + signal.SIGKILL])
def test_a_kill_when_memory_is_short_may_be_for_memory(status):
    assert deaths.of_exit("resize", status, is_short=True).code == ErrorCode.MAYBE_OUT_OF_MEMORY
    assert deaths.of_exit("resize", -signal.SIGSEGV, is_short=True).code == ErrorCode.SEGFAULT


def test_memory_was_short_near_the_limit_or_when_the_kernel_has_killed(monkeypatch: pytest.MonkeyPatch):
    kills = [7]
    monkeypatch.setattr(system, "oom_kills", lambda: kills[-1])
    watch = KernelWatch()
    watch.look()

    assert watch.may_be_out_of_memory(peak=91, limit=100)
    assert not watch.may_be_out_of_memory(peak=89, limit=100)
    kills.append(8)
    assert watch.may_be_out_of_memory(peak=0, limit=100)


def test_out_of_memory_names_preset_limit_peak_and_the_next_size():
    error = deaths.of_memory("resize", machine_for("small-1x"), 700 * 1024**2)

    assert error.code == ErrorCode.OUT_OF_MEMORY
    for word in ("resize", "small-1x", "512 MB", "700 MB", "small-2x"):
        assert word in (error.message or "")


def test_the_largest_machine_has_no_next_size():
    largest = machine_for("large-2x")

    assert next_larger(largest) is None
    assert "or set machine" not in (deaths.of_memory("resize", largest, largest.memory).message or "")


def test_a_run_without_a_machine_gets_small_1x():
    assert machine_for(None) is MACHINES["small-1x"]
