-- name: run_versions
-- Which state some runs are in, and whether they have ended.
select id, updated_at, finished_at from runs where id in {list:runs}

-- name: batch_versions
-- The same of the runs of some batches.
select batch, id, updated_at, finished_at from runs where batch in {list:batches}

-- name: batches_closed
-- Those of some batches that get no more runs.
select id from batches where id in {list:batches} and (sealed_at is not null or aborted_at is not null)

-- name: tag_versions
-- The same of the runs that have all of some tags, and were made since one.
select id, updated_at, finished_at from runs
 where id in (
    select run from run_tags
     where environment = :environment and tag in {list:tags} and run > :above
     group by run having count(*) = :count)

-- name: touch_runs
-- Note that something of runs has changed that does not stand in their rows.
update runs set updated_at = {greatest}(cast(:now as {int8}), updated_at + 1) where id in {list:runs}
