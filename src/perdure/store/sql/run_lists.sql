-- part: filters
        (cast(:any_status as {int8}) = 1 or r.status in {list:statuses})
   and (cast(:any_task as {int8}) = 1 or r.task in {list:tasks})
   and (cast(:any_version as {int8}) = 1 or r.version in {list:versions} or r.locked_version in {list:versions})
   and (cast(:any_queue as {int8}) = 1 or r.queue in {list:queues})
   and (cast(:any_machine as {int8}) = 1 or r.machine in {list:machines})
   and (cast(:any_region as {int8}) = 1 or r.region in {list:regions})
   and (cast(:any_schedule as {int8}) = 1 or r.schedule in {list:schedules})
   and (cast(:any_batch as {int8}) = 1 or r.batch in {list:batches})
   and (cast(:any_root as {int8}) = 1 or r.root in {list:roots})
   and (cast(:any_parent as {int8}) = 1 or r.parent in {list:parents})
   -- limit 1 keeps PostgreSQL from reading all runs of the tags first
   and (cast(:any_tag as {int8}) = 1 or (
           select 1 from run_tags as t
            where t.environment = r.environment and t.tag in {list:tags} and t.run = r.id limit 1) = 1)
   and r.is_test >= :least_test and r.is_test <= :most_test

-- name: runs_before
-- A page of runs older than one, newest first.
select r.* from runs as r
 where r.environment = :environment and r.id > :above and r.id < :below
   and {part:filters}
 order by r.id desc
 limit :limit

-- name: runs_after
-- A page of runs newer than one, oldest first.
select r.* from runs as r
 where r.environment = :environment and r.id > :above and r.id < :below
   and {part:filters}
 order by r.id
 limit :limit

-- name: runs_among
-- Those of a few runs that pass the filters.
select r.* from runs as r
 where r.environment = :environment and r.id in {list:ids}
   and {part:filters}
 order by r.id

-- name: ids_of_parents
-- The runs that some runs triggered.
select id from runs where parent in {list:names} limit :limit

-- name: ids_of_roots
-- The runs that descend from some runs.
select id from runs where root in {list:names} limit :limit

-- name: ids_of_batches
-- The runs of some batches.
select id from runs where batch in {list:names} limit :limit

-- name: ids_of_schedules
-- The runs of some schedules.
select id from runs where schedule in {list:names} limit :limit

-- name: ids_of_tags
-- The runs that have one of some tags.
select run from run_tags where environment = :environment and tag in {list:names} limit :limit

-- name: ids_of_live_statuses
-- The runs in some statuses, of those that have not ended.
select id from runs
 where environment = :environment and status in {list:names} and finished_at is null
 limit :limit
