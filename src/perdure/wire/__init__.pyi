from perdure.wire import batches as batches
from perdure.wire import manifests as manifests
from perdure.wire import queues as queues
from perdure.wire import runs as runs
from perdure.wire import schedules as schedules
from perdure.wire import values as values
from perdure.wire import waits as waits
from perdure.wire import workers as workers
