"""Who a key is, and what its holder may put into a token."""

from importlib.metadata import version

from perdure.core.clock import to_datetime
from perdure.server.handles import Call, handles
from perdure.wire import endpoints
from perdure.wire.auth import Claims, EnvironmentIdentity
from perdure.wire.model import Nothing
from perdure.wire.values import EnvironmentType


@handles(endpoints.environment.JWT_CLAIMS)
async def jwt_claims(call: Call, _: Nothing) -> Claims:
    """Return what the client adds its scopes to and signs itself."""
    return Claims(sub=call.environment.id)


@handles(endpoints.environment.WHO_AM_I)
async def who_am_i(call: Call, _: Nothing) -> EnvironmentIdentity:
    """Return the environment of the key."""
    environment = call.environment
    return EnvironmentIdentity(
        id=environment.id,
        slug=environment.slug,
        type=EnvironmentType(environment.type),
        project=environment.project,
        server_version=version("perdure"),
        time=to_datetime(call.services.now()),
    )
