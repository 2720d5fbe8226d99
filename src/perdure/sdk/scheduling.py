"""`schedules`: made and changed from anywhere, in tasks too, with the configured client."""

from __future__ import annotations

from perdure.client.asynchronous.schedules import AsyncSchedules
from perdure.client.blocking.schedules import Schedules as BlockingSchedules
from perdure.client.call import Call
from perdure.client.settings import Access
from perdure.sdk.handle import clients
from perdure.wire.endpoint import In, Out


class Schedules(AsyncSchedules):
    """When tasks run by themselves: `await schedules.create(…)`, or blocking, `schedules.sync.create(…)`."""

    @property
    def sync(self) -> BlockingSchedules:
        """The same for blocking code."""
        return clients.blocking.schedules


class _Configured:
    """The client that `configure` set up, or the one that settings describe, at each call."""

    @property
    def access(self) -> Access:
        return clients.asynchronous.access

    async def send(self, call: Call[In, Out]) -> Out:
        return await clients.asynchronous.send(call)


schedules = Schedules(_Configured())
"""The schedules of the environment."""
