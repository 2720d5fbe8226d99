from perdure.client import call as call
from perdure.client import calls as calls
from perdure.client import chunks as chunks
from perdure.client import tokens as tokens
from perdure.client.asynchronous.client import AsyncClient as AsyncClient
from perdure.client.blocking.client import Client as Client

__all__ = ["AsyncClient", "Client"]
