"""A run's way from trigger to result."""

from tests.support.make import Make


async def test_a_triggered_run_is_handed_to_a_worker_and_completes(make: Make):
    worker = await make.worker()
    run = await make.trigger(payload={"name": "Ada"}, tags=["a"])
    assert await make.status(run) == "QUEUED"

    (held,) = await make.claim(worker)
    assert (held.run_id, held.attempt, held.payload, held.tags) == (run, 1, '{"name":"Ada"}', ["a"])
    assert await make.status(run) == "DEQUEUED"

    assert (await make.start(worker, held)).ok
    assert await make.status(run) == "EXECUTING"

    assert (await make.succeed(worker, held, '"hello"')).ok
    assert await make.status(run) == "COMPLETED"
    assert await make.claim(worker) == []
