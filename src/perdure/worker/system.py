"""What the worker asks of the operating system; each does what the system can, and no more.

On Linux a process can be told to die with its parent, and can inherit orphans, so nothing that a run
started outlives it.  macOS has sessions only; on Windows a process tree is found by its parents.
"""

import contextlib
import ctypes
import os
import signal
import sys

import psutil

IS_LINUX = sys.platform == "linux"
IS_POSIX = os.name == "posix"

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True) if IS_LINUX else None
# A kernel can be built without it.
_LISTS_CHILDREN = IS_LINUX and os.path.exists(f"/proc/self/task/{os.getpid()}/children")
_PAGE = os.sysconf("SC_PAGE_SIZE") if IS_POSIX else 4096


def die_with_parent(parent: int, *, wanted: bool = True) -> None:
    """Have the kernel kill this process the moment its parent ends (Linux only).

    Args:
        parent: the parent's process id; if it is already gone, this process ends here and now.
        wanted: False takes it back.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL if wanted else 0, 0, 0, 0)
        if wanted and os.getppid() != parent:
            os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of whatever descendants lose theirs (Linux only)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def lead_session() -> None:
    """Leave the terminal and the parent's process group, so that Ctrl-C does not reach this process."""
    if IS_POSIX:
        with contextlib.suppress(PermissionError):  # it leads one already
            os.setsid()


def kill_group(pid: int) -> None:
    """Kill a process that leads a session, with all that is still in its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if IS_POSIX:
            os.killpg(pid, signal.SIGKILL)
        else:
            psutil.Process(pid).kill()


def kill_tree(pid: int) -> None:
    """Kill a process and all its descendants, those in other sessions included.

    The process may be the caller's own: it goes last.
    """
    for member in family(pid):
        kill(member)
    kill_group(pid)
    kill(pid)


def kill(pid: int) -> None:
    """Kill one process, if it is there."""
    with contextlib.suppress(psutil.Error):
        psutil.Process(pid).kill()


def children(pid: int) -> list[int]:
    """Return the process ids of a process's own children; none if it is gone."""
    try:
        if not _LISTS_CHILDREN:
            return [child.pid for child in psutil.Process(pid).children()]
        found: list[int] = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as listing:
                found += map(int, listing.read().split())
        return found
    except (OSError, psutil.Error):
        return []


def family(pid: int) -> list[int]:
    """Return the process ids of all descendants of a process, without itself."""
    found = children(pid)
    for member in found:  # grows while it is walked
        found += children(member)
    return found


def has_children() -> bool:
    """Tell whether this process has children that run, after burying those that have ended."""
    if not IS_POSIX:
        return bool(children(os.getpid()))
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def kill_children() -> list[str]:
    """Kill all descendants of this process, and return their names.

    Killing a child can hand its own children to this process, so it is done until none is left.
    """
    names: list[str] = []
    while has_children():
        processes = []
        for pid in family(os.getpid()):
            with contextlib.suppress(psutil.Error):
                processes.append(psutil.Process(pid))
                names.append(processes[-1].name())
                processes[-1].kill()
        psutil.wait_procs(processes, timeout=1)
    return names


def resident_memory(pid: int) -> int:
    """Return how much memory a process holds, in bytes; 0 if it is gone."""
    try:
        if not IS_LINUX:
            return psutil.Process(pid).memory_info().rss
        with open(f"/proc/{pid}/statm", "rb") as statm:
            return int(statm.read().split()[1]) * _PAGE
    except (OSError, psutil.Error):
        return 0


def oom_kills() -> int:
    """Return how many processes the kernel has killed for memory since it started; 0 if it does not say."""
    try:
        with open("/proc/vmstat", "rb") as counts:
            return next((int(line.split()[1]) for line in counts if line.startswith(b"oom_kill ")), 0)
    except OSError:
        return 0


def proportional_memory(pid: int) -> int:
    """Return the memory of a process, in which a page that n processes share counts for 1/n.

    Much slower to read than `resident_memory`, which it falls back to outside Linux.
    """
    try:
        full = psutil.Process(pid).memory_full_info()
    except psutil.Error:
        return 0
    return getattr(full, "pss", 0) + getattr(full, "swap", 0) if IS_LINUX else full.rss
