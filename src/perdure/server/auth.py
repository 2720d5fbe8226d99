"""Who asks, and what they may do.

A secret key opens everything in its environment.  A public token opens what its scopes say:
`action[:type[:id]]`, such as `read:runs:run_1`, `read:tags:user:7` or `trigger:tasks:send-email`.
Where neither gives a right, the answer is the same whether the thing exists or not.
"""

from dataclasses import dataclass
from typing import Any, Self

from perdure.core.clock import Clock
from perdure.core.errors import Forbidden, Unauthorized
from perdure.engine.drafts import OneTimeToken
from perdure.engine.environments import Environments
from perdure.server import tokens
from perdure.store.rows import Environment
from perdure.wire.endpoint import Audience

_FOREVER = 253_402_300_799_000  # the end of the year 9999

Resource = tuple[str, str | None]
"""A type of thing and the id of one; with None, all of that type."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One right that a token gives."""

    action: str
    type: str | None
    id: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `action[:type[:id]]`; the id may contain colons."""
        action, _, rest = text.partition(":")
        kind, _, name = rest.partition(":")
        return cls(action, kind or None, name or None)

    def allows(self, action: str, resource: Resource) -> bool:
        """Tell whether this right covers an action on a resource."""
        if self.type is None:
            return self.action == "admin"
        kind, name = resource
        return (
            self.action in (action, "*")
            and self.type in ("all", kind)
            and (self.id is None or self.id == name)
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """What a request may do in which environment."""

    environment: Environment
    #: None: a secret key, so everything
    scopes: tuple[Scope, ...] | None = None
    #: set if it is a token that may trigger only once
    once: OneTimeToken | None = None
    #: columns that it is not shown of runs it watches; None leaves it to the request
    skip: frozenset[str] | None = None

    def require(self, action: str, *resources: Resource) -> None:
        """Refuse the request unless it may do this to at least one of the resources.

        Raises:
            Forbidden: no scope of the token covers it.
        """
        if self.scopes is None:
            return
        if any(scope.allows(action, resource) for scope in self.scopes for resource in resources):
            return
        needed = [":".join((action, kind, name) if name else (action, kind)) for kind, name in resources]
        raise Forbidden("Unauthorized", details=[{"message": "the token needs one of", "scopes": needed}])


class Authenticator:
    """Tells which environment a request belongs to."""

    def __init__(self, environments: Environments, clock: Clock) -> None:
        """Look keys up here, and judge tokens by this clock."""
        self._environments = environments
        self._clock = clock

    async def grant(self, authorization: bytes, audience: Audience) -> Grant:
        """Return what the holder of these credentials may do.

        Args:
            authorization: the header's value; empty if there was none.
            audience: who the endpoint is for; only a public one takes tokens.

        Raises:
            Unauthorized: there is no key, or it is wrong, or a token where a secret key is needed.
        """
        kind, _, credential = authorization.decode("latin-1").partition(" ")
        credential = credential.strip()
        if kind.lower() != "bearer" or not credential:
            raise Unauthorized("Invalid or Missing API key")
        subject = tokens.claimed_environment(credential) if credential.count(".") == 2 else None
        if subject is not None:
            return await self._by_token(credential, subject, audience)
        environment = await self._environments.by_key(credential)
        if environment is None:
            raise Unauthorized("Invalid API key")
        return Grant(environment)

    async def _by_token(self, token: str, subject: str, audience: Audience) -> Grant:
        if audience is not Audience.PUBLIC:
            raise Unauthorized("A public access token can't do this; use the environment's secret key")
        environment = await self._environments.by_id(subject)
        claims = environment and tokens.verify(token, environment.key, now=self._clock.now())
        if environment is None or not claims:
            raise Unauthorized("Public Access Token is invalid")
        return Grant(environment, _scopes(claims), _once(token, claims), _skipped(claims))


def _once(token: str, claims: dict[str, Any]) -> OneTimeToken | None:
    if claims.get("otu") is not True:
        return None
    ends = claims.get("exp")
    return OneTimeToken(tokens.fingerprint(token), _FOREVER if ends is None else round(ends * 1000))


def _skipped(claims: dict[str, Any]) -> frozenset[str] | None:
    realtime = claims.get("realtime")
    columns = realtime.get("skipColumns") if isinstance(realtime, dict) else None
    return frozenset(map(str, columns)) if isinstance(columns, list) else None


def _scopes(claims: dict[str, Any]) -> tuple[Scope, ...]:
    scopes = claims.get("scopes")
    texts = scopes if isinstance(scopes, list) else []
    return tuple(Scope.parse(text) for text in texts if isinstance(text, str))
