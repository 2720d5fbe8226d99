"""Batches: many runs triggered as one."""

from perdure.wire import batches
from perdure.wire.endpoint import KILOBYTE, NDJSON, Audience, Endpoint
from perdure.wire.model import Nothing

CREATE_BATCH = Endpoint(
    name="createBatch",
    method="POST",
    path="/api/v3/batches",
    takes=batches.CreateBatch,
    gives=batches.CreatedBatch,
    summary="Make a batch, whose items are to follow.",
    audience=Audience.PUBLIC,
    status=202,
    limit=128 * KILOBYTE,
    errors=(400, 401, 403, 413, 422),
)
ADD_ITEMS = Endpoint(
    name="addBatchItems",
    method="POST",
    path="/api/v3/batches/{batch}/items",
    takes=batches.ItemLines,
    gives=batches.ItemsAdded,
    summary="Stream the items of a batch, one JSON object on each line; the last one seals it.",
    audience=Audience.PUBLIC,
    media_type=NDJSON,
    errors=(400, 401, 403, 415, 422),
)
RETRIEVE_BATCH = Endpoint(
    name="retrieveBatch",
    method="GET",
    path="/api/v2/batches/{batch}",
    takes=Nothing,
    gives=batches.Batch,
    summary="Get a batch: its status, its runs, and which items became none.",
    audience=Audience.PUBLIC,
    errors=(401, 403, 404),
)
BATCH_RESULTS = Endpoint(
    name="batchResults",
    method="GET",
    path="/api/v1/batches/{batch}/results",
    takes=batches.ResultsQuery,
    gives=batches.BatchResults,
    summary="Get what became of the items of a batch, in their order; 404 while a run has not ended.",
    audience=Audience.PUBLIC,
    errors=(400, 401, 403, 404, 422),
)
CANCEL_BATCH = Endpoint(
    name="cancelBatch",
    method="POST",
    path="/api/v2/batches/{batch}/cancel",
    takes=Nothing,
    gives=batches.BatchCanceled,
    summary="Cancel the runs that a batch made and that have not ended, and give it up if items are missing.",
    audience=Audience.PUBLIC,
    errors=(401, 403, 404),
)
TRIGGER_BATCH = Endpoint(
    name="triggerBatch",
    method="POST",
    path="/api/v2/tasks/batch",
    takes=batches.LegacyBatch,
    gives=batches.LegacyCreated,
    summary="Trigger a batch in one request, as older clients do.",
    audience=Audience.PUBLIC,
    status=202,
    errors=(400, 401, 403, 413, 422),
)
TRIGGER_BATCH_V1 = Endpoint(
    name="triggerBatchV1",
    method="POST",
    path="/api/v1/tasks/batch",
    takes=batches.LegacyBatch,
    gives=batches.LegacyRuns,
    summary="Trigger a batch in one request, and get its runs, as old clients do.",
    audience=Audience.PUBLIC,
    errors=(400, 401, 403, 413, 422),
)
TRIGGER_TASK_BATCH = Endpoint(
    name="triggerTaskBatch",
    method="POST",
    path="/api/v1/tasks/{task}/batch",
    takes=batches.LegacyTaskBatch,
    gives=batches.LegacyTaskRuns,
    summary="Trigger a batch of one task in one request, as the oldest clients do.",
    audience=Audience.PUBLIC,
    errors=(400, 401, 403, 413, 422),
)
