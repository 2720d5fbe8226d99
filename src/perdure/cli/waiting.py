"""After a trigger: what was made, and how it ends."""

import sys
from contextlib import nullcontext

from rich.console import Console

from perdure.cli.exits import Exit, complain, tell
from perdure.cli.remote import failure_of, output_of
from perdure.cli.screen import console, show_json, status_text, value_text
from perdure.client import Client
from perdure.core.duration import Duration
from perdure.core.names import similar
from perdure.wire.runs import RunResult, Triggered


def say_triggered(task: str, made: Triggered, *, json: bool) -> None:
    """Say which run there is now."""
    if json:
        show_json(made)
        return
    print(f"{made.id}  {task}{'  (its idempotency key stood for it already)' * made.is_cached}")
    if sys.stdout.isatty():
        print(f"See it with: perdure runs get {made.id}")


def warn_of_unknown(client: Client, task: str) -> None:
    """Say so, on standard error, when no worker has brought the task: the run waits for one."""
    known = [found.id for found in client.tasks().tasks]
    if task not in known:
        near = similar(task, known)
        hint = f"did you mean {near[0]}?" if near else "start a worker whose project has it"
        complain(f"no worker has brought a task {task} yet, so the run waits; {hint}")
    elif not client.workers().workers:
        complain("no worker is connected, so the run waits; start one with `perdure dev` or `perdure worker`")


def finish(client: Client, run: str, timeout: Duration | None, *, json: bool) -> int:
    """Wait for a run's end, show how it ended, and return the exit code."""
    # On standard error, so that standard output holds the result alone.
    shown = Console(stderr=True)
    try:
        with shown.status(f"{run} …") if sys.stderr.isatty() else nullcontext():
            result = client.runs.result(run, timeout)
    except TimeoutError as error:
        complain(str(error))
        return Exit.RUN_FAILED
    except KeyboardInterrupt:
        complain(f"run {run} goes on; `perdure runs cancel {run}` ends it")
        raise
    if json:
        show_json(_as_json(result))
    else:
        console().print(status_text(result.status), result.id)
        if result.ok:
            print(value_text(output_of(result)))
    if result.ok:
        return Exit.OK
    return tell(failure_of(result))


def _as_json(result: RunResult) -> dict[str, object]:
    """Return a result with its output as a value, instead of a text that holds it."""
    told = result.to_wire()
    told.pop("outputType", None)
    return {**told, "output": output_of(result)} if result.ok else told
