"""Queues at run time, and the environment they are in."""

from perdure.wire import queues
from perdure.wire.endpoint import KILOBYTE, Audience, Endpoint
from perdure.wire.model import Nothing

LIST_QUEUES = Endpoint(
    name="listQueues",
    method="GET",
    path="/api/v1/queues",
    takes=queues.QueueFilter,
    gives=queues.QueuePage,
    summary="List queues, by name.",
)
RETRIEVE_QUEUE = Endpoint(
    name="retrieveQueue",
    method="GET",
    path="/api/v1/queues/{queue}",
    takes=queues.QueueChoice,
    gives=queues.Queue,
    summary="Get a queue.",
    audience=Audience.PUBLIC,
    errors=(400, 401, 403, 404),
)
QUEUE_KEYS = Endpoint(
    name="queueKeys",
    method="GET",
    path="/api/v1/queues/{queue}/keys",
    takes=queues.KeyChoice,
    gives=queues.QueueKeys,
    summary="Get a queue with its concurrency keys that have the most runs waiting.",
    errors=(400, 401, 404),
)
PAUSE_QUEUE = Endpoint(
    name="pauseQueue",
    method="POST",
    path="/api/v1/queues/{queue}/pause",
    takes=queues.PauseQueue,
    gives=queues.Queue,
    summary="Pause a queue, so that no attempt begins, or resume it.",
    limit=10 * KILOBYTE,
    errors=(400, 401, 404),
)
OVERRIDE_LIMIT = Endpoint(
    name="overrideQueueConcurrencyLimit",
    method="POST",
    path="/api/v1/queues/{queue}/concurrency/override",
    takes=queues.OverrideLimit,
    gives=queues.Queue,
    summary="Put another concurrency limit in place of the one in the code.",
    limit=10 * KILOBYTE,
    errors=(400, 401, 404),
)
RESET_LIMIT = Endpoint(
    name="resetQueueConcurrencyLimit",
    method="POST",
    path="/api/v1/queues/{queue}/concurrency/reset",
    takes=queues.QueueChoice,
    gives=queues.Queue,
    summary="Go back to the concurrency limit in the code.",
    optional_body=True,
    limit=10 * KILOBYTE,
    errors=(400, 401, 404),
)
RETRIEVE_ENVIRONMENT = Endpoint(
    name="retrieveEnvironment",
    method="GET",
    path="/api/v1/environment",
    takes=Nothing,
    gives=queues.EnvironmentLoad,
    summary="Get the key's environment, with its limit and load.",
)
PAUSE_ENVIRONMENT = Endpoint(
    name="pauseEnvironment",
    method="POST",
    path="/api/v1/environment/pause",
    takes=queues.PauseEnvironment,
    gives=queues.EnvironmentLoad,
    summary="Pause an environment, so that no attempt begins, or resume it.",
    limit=10 * KILOBYTE,
)
SET_DEFAULT_TTL = Endpoint(
    name="setDefaultTtl",
    method="PUT",
    path="/api/v1/environment/ttl",
    takes=queues.SetDefaultTtl,
    gives=queues.EnvironmentLoad,
    summary="Set how long runs of an environment may wait for a worker, if neither trigger nor task says.",
    limit=10 * KILOBYTE,
)
LIMIT_ENVIRONMENT = Endpoint(
    name="limitEnvironment",
    method="POST",
    path="/api/v1/environment/concurrency",
    takes=queues.LimitEnvironment,
    gives=queues.EnvironmentLoad,
    summary="Set how many runs of an environment may run at once.",
    limit=10 * KILOBYTE,
)
