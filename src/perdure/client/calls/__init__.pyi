from perdure.client.calls import batches as batches
from perdure.client.calls import dead_letters as dead_letters
from perdure.client.calls import environment as environment
from perdure.client.calls import queues as queues
from perdure.client.calls import runs as runs
from perdure.client.calls import schedules as schedules
from perdure.client.calls import telemetry as telemetry
from perdure.client.calls import tokens as tokens
