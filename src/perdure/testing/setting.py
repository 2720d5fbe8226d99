"""Where the runs of a test are: an environment that is in no database."""

from perdure.engine.resources import EngineSettings
from perdure.store.rows import Environment
from perdure.wire.values import EnvironmentType
from perdure.wire.workers import WorkerEnvironment

API_URL = "http://perdure.test"
"""Nothing is there: no request leaves the process."""

SECRET_KEY = "tr_dev_testtesttesttesttesttesttest"
STATE_KEY = b"perdure.testing: states of runs."
"""Signs the stored states."""

VERSION = "20260101.1"
WORKER = "worker_test"

ENVIRONMENT = Environment(
    id="env_test",
    slug="dev",
    type=EnvironmentType.DEV,
    project="test",
    key=SECRET_KEY,
    current_version=VERSION,
    concurrency_limit=None,
    created_at=0,
)
WORKER_ENVIRONMENT = WorkerEnvironment(
    id=ENVIRONMENT.id, slug=ENVIRONMENT.slug, type=EnvironmentType.DEV, project=ENVIRONMENT.project
)
# No TTL: a run starts as soon as it may, or when its task is there.
SETTINGS = EngineSettings(ttl_ms={})
