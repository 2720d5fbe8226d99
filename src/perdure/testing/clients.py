"""The clients that tasks trigger with in a test: no request leaves the process."""

from perdure.client import AsyncClient, Client
from perdure.client.call import Call
from perdure.testing.answers import answer
from perdure.testing.driver import Driver
from perdure.testing.errors import NotInTest
from perdure.testing.hosting import inside
from perdure.testing.lives import Life
from perdure.testing.setting import API_URL, SECRET_KEY
from perdure.testing.steps import BLOCKS, Steps
from perdure.testing.world import World
from perdure.wire import endpoints
from perdure.wire.endpoint import In, Out


def _awaited(world: World, call: Call[In, Out]) -> list[Life]:
    """Return the runs for whose end a call waits."""
    if call.endpoint.name == endpoints.runs.RUN_RESULT.name:
        return [world.get(call.path["run"])]
    if call.endpoint.name == endpoints.batches.BATCH_RESULTS.name:
        return [*world.batches.get(call.path["batch"]).runs.values()]
    return []


class InProcessAsyncClient(AsyncClient):
    """Answers by itself; who asks for a run's result lets time pass until it is there."""

    def __init__(self, world: World, driver: Driver) -> None:
        super().__init__(API_URL, SECRET_KEY)
        self._world = world
        self._driver = driver

    async def send(self, call: Call[In, Out]) -> Out:
        """Answer a call."""
        for life in _awaited(self._world, call):
            await self._driver.end_of(life)
        return answer(self._world, call)


class InProcessClient(Client):
    """Answers by itself, for code that blocks."""

    def __init__(self, world: World, driver: Driver, steps: Steps) -> None:
        super().__init__(API_URL, SECRET_KEY)
        self._world = world
        self._driver = driver
        self._steps = steps

    def send(self, call: Call[In, Out]) -> Out:
        """Answer a call."""
        for life in _awaited(self._world, call):
            self._wait(life)
        return answer(self._world, call)

    def _wait(self, life: Life) -> None:
        waiter = inside.get()
        if life.has_ended:
            return
        if waiter is None:
            self._steps.block(lambda: self._driver.finish(life))
            return
        task = self._world.get(waiter).task
        if task is not None and task.is_async:  # a plain function has a thread of its own
            raise NotInTest(BLOCKS)
        self._driver.block_for_end_of(life, waiter)
