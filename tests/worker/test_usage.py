"""What an attempt uses of its machine."""

import subprocess
import sys

from perdure.core.traces import USAGE, span_of_attempt
from perdure.worker.usage import LEAST_NS, Usage
from tests.worker.driver import assignment

MEGABYTE = 1024**2


def test_what_was_used_is_told_with_the_children():
    usage = Usage(0)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    usage.look()
    child.communicate(b"\n")
    usage.turned(0.25)
    usage.turned(0.1)
    run = assignment("t")

    told = usage.record(run, 2 * LEAST_NS, is_shared=False)

    assert told is not None
    assert (told.name, told.parent_id) == (USAGE, span_of_attempt(run.run_id, run.attempt))
    used = told.attributes or {}
    assert used["processes.children"] >= 1
    assert used["memory.peak_bytes"] > MEGABYTE
    assert used["loop.lag_ms"] == 250
    assert used["cpu.children_seconds"] > 0
    assert "shared" not in used


def test_a_short_attempt_tells_nothing():
    assert Usage(0).record(assignment("t"), LEAST_NS - 1, is_shared=False) is None


def test_what_many_share_is_told_so():
    told = Usage(0).record(assignment("t"), LEAST_NS, is_shared=True)

    assert told is not None
    assert (told.attributes or {})["shared"] is True
