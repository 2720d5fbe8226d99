"""What the harness answers is what a server answers: the same calls are made of both."""

import re
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from perdure import AsyncClient, PerdureError
from perdure.sdk.handle import clients
from perdure.testing import Harness
from perdure.wire.runs import MetadataOperation, UpdateMetadata
from tests.support import processes

KEY = "tr_dev_0123456789abcdef0123456789abcdef"
ID = re.compile(r"(run|waitpoint|batch)_[0-9a-v]{25}")
TASK = "testing-elsewhere"


async def told(call: Awaitable[Any]) -> Any:
    """Return what a call gives, or how it fails."""
    try:
        return await call
    except PerdureError as error:
        return type(error).__name__, ID.sub("ID", str(error))


async def tokens(client: AsyncClient) -> list[Any]:
    made = await client.tokens.create(timeout="1h", tags=["a", "b"], idempotency_key="k")
    again = await client.tokens.create(timeout="2h", idempotency_key="k")
    seen: list[Any] = [again.id == made.id, made.is_cached, again.is_cached]
    waiting = await client.tokens.retrieve(made.id)
    await client.tokens.complete(made.id, {"n": 1})
    await client.tokens.complete(made.id, {"n": 2})
    done = await client.tokens.retrieve(made.id)
    seen += [(one.status, one.output, one.output_is_error, sorted(one.tags)) for one in (waiting, done)]
    seen += [(done.completed_by, done.idempotency_key, done.output_type)]
    seen += [[one.id == made.id async for one in client.tokens.list(tags="a", status="COMPLETED")]]
    seen += [await told(client.tokens.retrieve("waitpoint_none"))]
    seen += [await told(client.tokens.complete("waitpoint_none"))]
    seen += [await told(client.tokens.create(timeout=timeout)) for timeout in (0, "soon")]
    seen += [await told(client.tokens.create(idempotency_key="x", idempotency_key_ttl="x"))]
    return seen


async def runs(client: AsyncClient) -> list[Any]:
    options: dict[str, Any] = {"delay": "1h", "tags": ["x"], "metadata": {"n": 1}, "idempotency_key": "k"}
    made = await client.trigger(TASK, {"a": 1}, **options)
    again = await client.trigger(TASK, {"a": 2}, **options)
    seen: list[Any] = [again.id == made.id, made.is_cached, again.is_cached]
    await client.runs.add_tags(made.id, "y", "x")
    operation = MetadataOperation(type="increment", key="n", value=2)
    seen += [await client.runs.update_metadata(made.id, UpdateMetadata(operations=[operation]))]
    seen += [(await client.runs.reschedule(made.id, "2h")).status]
    shown = await client.runs.retrieve(made.id)
    seen += [(shown.status, shown.payload, sorted(shown.tags), shown.metadata, shown.queue, shown.depth)]
    seen += [[one.status async for one in client.runs.list(tag="y")]]
    seen += [await told(client.runs.add_tags(made.id, *[str(n) for n in range(10)]))]
    seen += [await client.runs.cancel(made.id) == made.id]
    seen += [(await client.runs.retrieve(made.id)).error]
    seen += [(await client.runs.result(made.id)).error]
    seen += [await told(client.runs.reschedule(made.id, "3h"))]
    seen += [(await client.trigger(TASK, {"a": 3}, **options)).is_cached]
    seen += [await told(client.runs.retrieve("run_none")), await told(client.runs.cancel("run_none"))]
    seen += [await told(client.trigger(TASK, None, delay="soon"))]
    return seen


def plain(seen: Any) -> str:
    return ID.sub("ID", repr(seen))


@pytest.mark.slow
@pytest.mark.parametrize("script", [tokens, runs], ids=lambda script: script.__name__)
async def test_the_harness_answers_as_a_server_does(script: Any, tmp_path: Path):
    with processes.server(tmp_path, PERDURE_SECRET_KEY=KEY) as running:
        async with AsyncClient(running.url, KEY) as client:
            expected = plain(await script(client))

    async with Harness():
        found = plain(await script(clients.asynchronous))

    assert found == expected
