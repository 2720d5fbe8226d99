"""Speaks HTTP to a Perdure server: `Client` for blocking code, `AsyncClient` for asyncio."""

from perdure.client.asynchronous import AsyncClient
from perdure.client.blocking import Client

__all__ = ["AsyncClient", "Client"]
