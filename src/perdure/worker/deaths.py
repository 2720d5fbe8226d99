"""How a process that died under a run is told: every exit status, in one place."""

import signal

from perdure.wire.values import ErrorCode, RunError
from perdure.worker.machines import Machine, megabytes, next_larger

# What ended the process → the code, and what to do next.
_SIGNALS = {
    signal.SIGSEGV: (ErrorCode.SEGFAULT, "Native code crashed: look at the extension modules it uses"),
    signal.SIGABRT: (ErrorCode.EXITED, "Native code aborted: its message is in the worker's output"),
    signal.SIGTERM: (ErrorCode.EXITED, "Something other than Perdure ended it"),
}
if hasattr(signal, "SIGKILL"):
    _SIGNALS |= {
        signal.SIGBUS: (ErrorCode.SEGFAULT, "Native code crashed: look at the extension modules it uses"),
        signal.SIGKILL: (ErrorCode.EXITED, "Something other than Perdure killed it: look for what did"),
    }

_SHORT = (
    ErrorCode.MAYBE_OUT_OF_MEMORY,
    "The machine may be out of memory: look into the system's log, use less memory or a larger machine",
)

# Containers and shells tell a signal as this much plus its number.
_SHELL_SIGNAL = 128


def of_exit(task: str, status: int, *, is_short: bool = False) -> RunError:
    """Return the error of a run whose process ended without a result.

    Args:
        task: the task's id.
        status: the exit code, or the negative number of the signal that ended it.
        is_short: whether it may have been killed for its memory.
    """
    number = -status if status < 0 else status - _SHELL_SIGNAL
    if number > 0 and (told := _by_signal(number)):
        code, step = _SHORT if is_short and signal.Signals(number).name == "SIGKILL" else told
        message = f"The process of task {task} was ended by {signal.Signals(number).name}. {step}."
        return RunError.internal(code, message)
    return RunError.internal(
        ErrorCode.EXITED,
        f"The process of task {task} ended with exit code {status} before the task returned. "
        "Return from the task, or raise an exception, instead of ending the process.",
    )


def of_memory(task: str, machine: Machine, peak: int) -> RunError:
    """Return the error of a run that used more memory than its machine has."""
    larger = next_larger(machine)
    step = f"use less, or set machine={larger.name!r}" if larger else "use less"
    return RunError.internal(
        ErrorCode.OUT_OF_MEMORY,
        f"Task {task} ran out of memory: machine {machine.name} has {megabytes(machine.memory)}, "
        f"the run used {megabytes(peak)}. To fix it, {step} (Retry(out_of_memory_machine=…) does so on "
        "a retry).",
    )


def of_time(task: str, seconds: float) -> RunError:
    """Return the error of a run that used up its `max_duration`."""
    return RunError.internal(
        ErrorCode.TOO_LONG,
        f"Task {task} ran for longer than its max_duration of {seconds:g} seconds. "
        "Raise max_duration, or split the work.",
    )


def of_exit_call(task: str, code: object) -> RunError:
    """Return the error of a run whose task called `sys.exit`."""
    return RunError.internal(
        ErrorCode.EXITED,
        f"Task {task} called sys.exit({'' if code is None else repr(code)}). Return from the task to end "
        "it well, or raise an exception (AbortRun for no retry).",
    )


def _by_signal(number: int) -> tuple[ErrorCode, str] | None:
    try:
        name = signal.Signals(number)
    except ValueError:
        return None
    return _SIGNALS.get(name, (ErrorCode.EXITED, "Look for what sent it"))
