"""An environment: its tasks, workers and keys; and the server's health."""

from perdure.wire import auth, workers
from perdure.wire.endpoint import Audience, Endpoint
from perdure.wire.model import Nothing

LIST_TASKS = Endpoint(
    name="listTasks",
    method="GET",
    path="/api/v1/tasks",
    takes=Nothing,
    gives=workers.Tasks,
    summary="List the tasks of the current version, and what did not import.",
)
LIST_WORKERS = Endpoint(
    name="listWorkers",
    method="GET",
    path="/api/v1/workers",
    takes=Nothing,
    gives=workers.Workers,
    summary="List the workers that are connected.",
)
JWT_CLAIMS = Endpoint(
    name="jwtClaims",
    method="POST",
    path="/api/v1/auth/jwt/claims",
    takes=Nothing,
    gives=auth.Claims,
    summary="Get the claims of a public token that the caller signs itself.",
)
WHO_AM_I = Endpoint(
    name="whoAmI",
    method="GET",
    path="/api/v1/whoami",
    takes=Nothing,
    gives=auth.EnvironmentIdentity,
    summary="Tell which environment the key belongs to.",
)
HEALTH = Endpoint(
    name="health",
    method="GET",
    path="/healthcheck",
    takes=Nothing,
    gives=auth.Health,
    summary="Tell whether the server and its database answer.",
    audience=Audience.OPEN,
    errors=(503,),
)
