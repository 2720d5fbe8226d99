from perdure.client import calls as calls
from perdure.client import tokens as tokens
from perdure.client.asynchronous import AsyncClient as AsyncClient
from perdure.client.blocking import Client as Client

__all__ = ["AsyncClient", "Client"]
