"""Public tokens, for asyncio."""

from collections.abc import Sequence

from perdure import client
from perdure.client.call import AsyncSender
from perdure.client.calls import environment as calls
from perdure.core.duration import Duration


class AsyncAuth:
    """Tokens for browsers and other places that must not have the secret key."""

    def __init__(self, client: AsyncSender) -> None:
        self._client = client

    async def create_public_token(
        self, scopes: Sequence[str], *, lifetime: Duration = "15m", one_time: bool = False
    ) -> str:
        """Return a token that allows what its scopes say, and nothing else.

        Args:
            scopes: such as `read:runs:run_…`, `read:tags:user-1`, `trigger:tasks:send-email`.
            lifetime: how long it is valid.
            one_time: it can be used for one trigger only.
        """
        claims = await self._client.send(calls.claims())
        return client.tokens.sign(claims, self._client.access.secret_key, scopes, lifetime, one_time=one_time)
