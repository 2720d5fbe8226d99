"""Public tokens, signed by the client itself with the environment's secret key."""

from collections.abc import Sequence
from datetime import UTC, datetime

import jwt

from perdure.core.duration import Duration, to_seconds
from perdure.wire.auth import Claims

# What the official clients put there; servers check both.
_ISSUER = "https://id.trigger.dev"
_AUDIENCE = "https://api.trigger.dev"


def sign(
    claims: Claims, secret_key: str, scopes: Sequence[str], lifetime: Duration, *, one_time: bool = False
) -> str:
    """Return a public token: a JWT that a browser may hold.

    Args:
        claims: the environment's, as the server gave them.
        secret_key: the environment's key.
        scopes: what it allows, such as `read:runs:run_…` or `trigger:tasks:send-email`.
        lifetime: how long it is valid.
        one_time: it can be used for one trigger only.
    """
    now = datetime.now(UTC).timestamp()
    payload = {
        **claims.to_wire(),
        "scopes": list(scopes),
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "iat": int(now),
        "exp": int(now + to_seconds(lifetime)),
        **({"otu": True} if one_time else {}),
    }
    return jwt.encode(payload, secret_key, algorithm="HS256", headers={"typ": None})
