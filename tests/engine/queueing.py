"""Queues that several tasks share, and runs of them."""

from perdure.store.rows import Worker
from perdure.wire.manifests import QueueManifest
from perdure.wire.waits import Wait, WaitKind
from perdure.wire.workers import Assignment, Parked
from tests.support.make import Make, manifest

MAIL = "mail"


async def mail(make: Make, *tasks: str, **options: object) -> Worker:
    """Connect a worker whose tasks share a queue."""
    queue = QueueManifest.model_validate({"name": MAIL, **options})
    return await make.worker(*(manifest(task, queue=queue) for task in tasks or ("hello",)))


async def trigger(make: Make, count: int, *, key: str | None = None, task: str = "hello") -> None:
    for _ in range(count):
        await make.trigger(task, concurrency_key=key)


async def wait_for(make: Make, worker: Worker, held: Assignment, child: str) -> None:
    wait = Wait(kind=WaitKind.RUN, subject=child)
    parked = Parked(run_id=held.run_id, fence=held.fence, snapshot="cw==", waits=[wait])
    (verdict,) = await make.report(worker, parked)
    assert verdict.ok


async def child_of(make: Make, parent: Assignment, task: str = "hello") -> str:
    return await make.trigger(task, parent_run_id=parent.run_id, resume_parent_on_completion=True)
