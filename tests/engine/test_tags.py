"""Tags that are added to runs."""

import pytest

from perdure.core.errors import BadOption, NotFound, TooManyTags
from perdure.engine.engine import Engine
from perdure.wire.workers import MetadataChanged
from tests.support.make import Make


async def tags_of(make: Make, run: str) -> list[str]:
    return list((await make.engine.runs.get(make.environment, run)).tags)


async def test_tags_are_added_to_those_there_are(engine: Engine, make: Make):
    run = await make.trigger(tags=["b"])

    await engine.tags.add(make.environment, run, ["a", "b", "a"])
    await engine.tags.add(make.environment, run, ["b"])

    assert await tags_of(make, run) == ["a", "b"]


async def test_a_run_has_ten_tags_at_most(engine: Engine, make: Make):
    run = await make.trigger(tags=[f"t{n}" for n in range(8)])
    await engine.tags.add(make.environment, run, ["t0", "t8", "t9"])

    with pytest.raises(TooManyTags, match="11 tags"):
        await engine.tags.add(make.environment, run, ["t10", "t1"])

    assert await tags_of(make, run) == [f"t{n}" for n in range(10)]


async def test_a_task_tags_its_run(make: Make):
    worker = await make.worker()
    run = await make.trigger(tags=["a"])
    (held,) = await make.claim(worker)

    await make.report(worker, MetadataChanged(run_id=run, fence=held.fence, tags=["b", "a"]))

    assert await tags_of(make, run) == ["a", "b"]


async def test_what_can_not_be_tagged_is_refused(engine: Engine, make: Make):
    run = await make.trigger()

    with pytest.raises(BadOption, match="tags"):
        await engine.tags.add(make.environment, run, ["a\0b"])
    with pytest.raises(NotFound, match=run):
        await engine.tags.add(await make.another_environment(), run, ["a"])
