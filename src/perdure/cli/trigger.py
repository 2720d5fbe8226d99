"""`perdure trigger`."""

import sys
from typing import Annotated, Any

import typer

Payload = Annotated[
    str | None,
    typer.Option(
        "--payload", "-p", metavar="JSON|@FILE|-", help="The payload: JSON, a file, or standard input."
    ),
]
Wait = Annotated[
    bool, typer.Option("--wait", "-w", help="Wait for the run's end; exit code 3 if it did not succeed.")
]
Timeout = Annotated[
    str | None, typer.Option(metavar="DURATION", help="How long to wait, as in 30s; for ever by default.")
]
Delay = Annotated[
    str | None,
    typer.Option(metavar="DURATION|MOMENT", help="When to start: 10m, 1h30m, or 2026-12-24T18:00."),
]
Tag = Annotated[list[str] | None, typer.Option("--tag", "-t", metavar="TEXT", help="A tag; may be repeated.")]
Key = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key",
        metavar="TEXT",
        help="A second trigger with the same key gives the first one's run.",
    ),
]
KeyTtl = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key-ttl", metavar="DURATION", help="How long the key counts; 30d by default."
    ),
]
Debounce = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="Make one run of triggers with this key in close succession."),
]
DebounceDelay = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="How long the run waits for another trigger with the key."),
]
DebounceMode = Annotated[
    str | None,
    typer.Option(metavar="leading|trailing", help="Whose payload the run gets: the first, or the last."),
]
DebounceMax = Annotated[
    str | None,
    typer.Option("--debounce-max-delay", metavar="DURATION", help="When it starts, however many come."),
]
Queue = Annotated[str | None, typer.Option(metavar="NAME", help="The queue, in place of the task's own.")]
ConcurrencyKey = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Gives the queue's limit to each key.")
]
Priority = Annotated[
    float | None, typer.Option(metavar="NUMBER", help="Seconds of head start over others of the queue.")
]
Ttl = Annotated[str | None, typer.Option(metavar="DURATION", help="Expire if it has not started by then.")]
MaxAttempts = Annotated[
    int | None, typer.Option(min=1, metavar="NUMBER", help="How often it is tried at most.")
]
MaxDuration = Annotated[str | None, typer.Option(metavar="DURATION", help="The active time it may take.")]
Machine = Annotated[str | None, typer.Option(metavar="NAME", help="The machine preset, such as small-2x.")]
Metadata = Annotated[str | None, typer.Option(metavar="JSON|@FILE", help="The run's metadata.")]
Test = Annotated[bool, typer.Option("--test", help="Mark it as a test.")]
Version = Annotated[
    str | None, typer.Option("--task-version", metavar="VERSION", help="The version of the code to run.")
]
Batch = Annotated[
    str | None,
    typer.Option(
        "--batch",
        "-b",
        metavar="FILE|-",
        help="Trigger a run of each line of a file: a payload, or without TASK an item that names its own.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON, in the API's spelling.")]


def trigger(
    task: Annotated[str | None, typer.Argument(metavar="TASK", help="The task's id.")] = None,
    payload: Payload = None,
    wait: Wait = False,
    timeout: Timeout = None,
    delay: Delay = None,
    tag: Tag = None,
    idempotency_key: Key = None,
    idempotency_key_ttl: KeyTtl = None,
    debounce: Debounce = None,
    debounce_delay: DebounceDelay = None,
    debounce_mode: DebounceMode = None,
    debounce_max_delay: DebounceMax = None,
    queue: Queue = None,
    concurrency_key: ConcurrencyKey = None,
    priority: Priority = None,
    ttl: Ttl = None,
    max_attempts: MaxAttempts = None,
    max_duration: MaxDuration = None,
    machine: Machine = None,
    metadata: Metadata = None,
    test: Test = False,
    task_version: Version = None,
    batch: Batch = None,
    json: Json = False,
) -> int:
    """Trigger a run of a task, or with --batch many runs."""
    from perdure.cli.remote import read_debounce, read_duration, read_json, read_moment

    options: dict[str, Any] = {
        "delay": read_moment(delay),
        "tags": tag or None,
        "idempotency_key": idempotency_key,
        "idempotency_key_ttl": read_duration(idempotency_key_ttl),
        "debounce": read_debounce(debounce, debounce_delay, debounce_mode, debounce_max_delay),
        "queue": queue,
        "concurrency_key": concurrency_key,
        "priority": priority,
        "ttl": read_duration(ttl),
        "max_attempts": max_attempts,
        "max_duration": read_duration(max_duration),
        "machine": machine,
        "metadata": None if metadata is None else read_json(metadata, "--metadata"),
        "test": test or None,
        "version": task_version,
    }
    limit = read_duration(timeout)
    if batch is not None:
        if payload is not None:
            raise typer.BadParameter(
                "with --batch, each line of the file is a payload", param_hint="--payload"
            )
        return _trigger_batch(task, batch, options, limit if wait else False, json=json)
    if task is None:
        raise typer.BadParameter("which task? give its id, or --batch with a file", param_hint="TASK")
    value = None if payload is None else read_json(payload, "--payload")
    return _trigger_run(task, value, options, limit if wait else False, json=json)


def _trigger_run(task: str, payload: Any, options: dict[str, Any], limit: Any, *, json: bool) -> int:
    """Trigger a run; wait for its end unless the limit is False."""
    from perdure.cli.remote import server
    from perdure.cli.waiting import finish, say_triggered, warn_of_unknown

    with server() as client:
        made = client.trigger(task, payload, **options)
        if sys.stderr.isatty() or limit is not False:
            warn_of_unknown(client, task)
        if limit is not False:
            return finish(client, made.id, limit, json=json)
        say_triggered(task, made, json=json)
        return 0


def _trigger_batch(task: str | None, source: str, options: dict[str, Any], limit: Any, *, json: bool) -> int:
    """Trigger many runs; wait for their ends unless the limit is False."""
    from perdure.cli.batchscreen import say_batches, show_results, trigger_batch
    from perdure.cli.remote import server
    from perdure.cli.waiting import warn_of_unknown

    with server() as client:
        made = trigger_batch(client, task, source, options)
        if task is not None and (sys.stderr.isatty() or limit is not False):
            warn_of_unknown(client, task)
        if limit is not False:
            return show_results(client, [batch.id for batch in made], limit, json=json)
        say_batches(made, json=json)
        return 0
