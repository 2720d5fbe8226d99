from perdure.sdk import batch_waits as batch_waits
from perdure.sdk import codec as codec
from perdure.sdk import parking as parking
from perdure.sdk import schedules as schedules
from perdure.sdk import span as span
from perdure.sdk import tokens as tokens
from perdure.sdk import tracing as tracing
from perdure.sdk import waits as waits
