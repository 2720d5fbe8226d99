"""How batches look on the screen, and how a file of items becomes one."""

import json as stdlib_json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TextIO

from perdure.cli.exits import Exit, complain
from perdure.cli.live import first_line
from perdure.cli.screen import duration_text, moment_text, show_fields, show_json, value_text
from perdure.client import Client
from perdure.core.duration import Duration
from perdure.core.errors import BadOption, NotFound
from perdure.wire.batches import Batch, CreatedBatch, ItemResult
from perdure.wire.runs import ListedRun
from perdure.wire.values import JSON

_TOLD = 5
"""So many items that became no run, or did not succeed, are told one by one."""


def show_batch(batch: Batch, runs: Iterable[ListedRun]) -> None:
    """Write a batch, and how its runs stand."""
    statuses = Counter(run.status.value.lower().replace("_", " ") for run in runs)
    took = (batch.completed_at - batch.created_at).total_seconds() * 1000 if batch.completed_at else None
    fields = [
        ("batch", batch.id),
        ("status", batch.status.value.lower().replace("_", " ")),
        ("items", f"{batch.run_count:,}"),
        ("runs", ", ".join(f"{count:,} {status}" for status, count in statuses.most_common())),
        ("created", moment_text(batch.created_at)),
        ("took", "" if took is None else duration_text(took)),
        ("parent", batch.parent_run_id or ""),
        ("key", batch.idempotency_key or ""),
    ]
    show_fields([(name, value) for name, value in fields if value])
    errors = batch.processing.errors
    for error in errors[:_TOLD]:
        print(f"item {error.index} of {error.task_identifier} became no run: {error.error}")
    if len(errors) > _TOLD:
        print(f"and {len(errors) - _TOLD:,} more; --json has them all")


def trigger_batch(
    client: Client, task: str | None, source: str, options: Mapping[str, Any]
) -> list[CreatedBatch]:
    """Trigger a run of each line of a file, as it is read.

    Args:
        client: of the server.
        task: of all lines, which are payloads then; None if each names its own.
        source: the file, or `-` for standard input.
        options: of all runs; those of a line come first.

    Raises:
        BadOption: a line is no JSON, or no item; its number is named.
        NotFound: there is no such file.
    """
    given = {name: value for name, value in options.items() if value is not None}
    key = given.pop("idempotency_key", None)
    with _opened(source) as lines:
        items = (_item(number, line, task, given) for number, line in enumerate(lines, 1) if line.strip())
        made = client.batches.trigger(items, idempotency_key=key)
    if not made:
        raise BadOption(f"{_name(source)} has no items: write one JSON value on each line.")
    return made


def say_batches(made: Sequence[CreatedBatch], *, json: bool) -> None:
    """Say which batches there are now."""
    if json:
        show_json({"batches": list(made), "runCount": sum(batch.run_count for batch in made)})
        return
    for batch in made:
        print(
            f"{batch.id}  {batch.run_count:,} runs{'  (its idempotency key stood for it)' * batch.is_cached}"
        )
    if sys.stdout.isatty():
        print(f"See it with: perdure batches get {made[0].id}")


def show_results(client: Client, batches: Sequence[str], timeout: Duration | None, *, json: bool) -> int:
    """Wait for the end of batches, write what became of their items, and return the exit code."""
    failed = count = 0
    try:
        for batch in batches:
            for item in client.batches.results(batch, timeout):
                count += 1
                failed += not item.ok
                _show_result(item, count - 1, json=json)
    except TimeoutError as error:
        complain(str(error))
        return Exit.RUN_FAILED
    if failed:
        complain(f"{failed:,} of {count:,} items did not succeed")
    return Exit.RUN_FAILED if failed else Exit.OK


def _show_result(item: ItemResult, index: int, *, json: bool) -> None:
    told = {**item.to_wire(), "index": index}
    told.pop("outputType", None)
    output = _output(item)
    if item.ok:
        told["output"] = output
    if json:
        print(stdlib_json.dumps(told, ensure_ascii=False))
        return
    status = item.status.value.lower().replace("_", " ") if item.status else "no run"
    shown = value_text(output) if item.ok else first_line(item.error) if item.error else ""
    print(f"{index}  {item.id}  {status}  {shown}")


def _output(item: ItemResult) -> Any:
    if item.output is None:
        return None
    return stdlib_json.loads(item.output) if item.output_type in (None, JSON) else item.output


def _opened(source: str) -> AbstractContextManager[TextIO]:
    if source == "-":
        return nullcontext(sys.stdin)
    if not Path(source).exists():
        raise NotFound(kind="file", name=source)
    return Path(source).open(encoding="utf-8")


def _item(number: int, line: str, task: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    try:
        value = stdlib_json.loads(line)
    except stdlib_json.JSONDecodeError as error:
        raise BadOption(f"Line {number} is no JSON: {error.msg} at column {error.colno}") from None
    if task is not None:
        return {"task": task, "payload": value, "options": options}
    if not isinstance(value, dict) or "task" not in value:
        raise BadOption(
            f'Line {number} names no task: write {{"task": "…", "payload": …}}, or give the task of all '
            "lines, as in `perdure trigger TASK --batch FILE`"
        )
    return {**value, "options": {**options, **(value.get("options") or {})}}


def _name(source: str) -> str:
    return "Standard input" if source == "-" else source
