"""What tests of batches do."""

import base64
import json
from typing import Any

from perdure.engine.batches import Added, Refused, status_of
from perdure.store.rows import Worker
from perdure.wire.batches import BatchItem, BatchStatus, CreateBatch
from perdure.wire.runs import TriggerOptions
from perdure.wire.waits import Answer, Wait, WaitKind
from perdure.wire.workers import Assignment, Parked
from tests.support.make import TASK, Make

STATE = base64.b64encode(b"a coroutine").decode()


def item(index: int, *, task: str = TASK, **options: Any) -> BatchItem:
    return BatchItem(index=index, task=task, payload={"n": index}, options=TriggerOptions(**options))


async def create(make: Make, count: int, **fields: Any) -> str:
    made = await make.engine.batches.create(make.environment, CreateBatch(run_count=count, **fields))
    return made.batch.id


async def add(make: Make, batch: str, *items: BatchItem | Refused) -> Added:
    return await make.engine.batches.add(make.environment, batch, items)


async def batch_of(make: Make, *items: BatchItem | Refused, **fields: Any) -> str:
    batch = await create(make, len(items), **fields)
    await add(make, batch, *items)
    return batch


async def runs_of(make: Make, batch: str) -> list[str | None]:
    return [one.run for one in (await make.engine.batches.get(make.environment, batch)).items]


async def status(make: Make, batch: str) -> BatchStatus:
    return status_of((await make.engine.batches.get(make.environment, batch)).batch)


async def settle(make: Make) -> None:
    """Let what goes on by itself happen."""
    while await make.engine.batch_watch.run_once() + await make.engine.timers.run_once():
        pass


async def succeed_all(make: Make, worker: Worker) -> None:
    for held in await make.claim(worker, 100):
        await make.succeed(worker, held, json.dumps(held.run_id))
    await settle(make)


async def parked_on(make: Make, worker: Worker, *subjects: str) -> Assignment:
    """Park the run that is first in line, to wait for batches."""
    (held,) = await make.claim(worker)
    waits = [Wait(kind=WaitKind.BATCH, subject=subject) for subject in subjects]
    await make.report(worker, Parked(run_id=held.run_id, fence=held.fence, snapshot=STATE, waits=waits))
    return held


async def answers(make: Make, worker: Worker) -> list[Answer]:
    """Return what the run that goes on next is told."""
    (held,) = await make.claim(worker)
    return held.answers
