"""Speaks HTTP to a Perdure server: `Client` for blocking code, `AsyncClient` for asyncio."""

from perdure.core.lazy import on_demand

__getattr__, __dir__ = on_demand(
    __name__,
    {"AsyncClient": "perdure.client.asynchronous.client", "Client": "perdure.client.blocking.client"},
    modules=("call", "calls", "chunks", "tokens"),
)
