-- name: holders_of_slots
-- Some runs that hold a slot: of an environment, of one of its queues, or of a key of that.
select id from runs
 where lease_until is not null and status in ('DEQUEUED', 'EXECUTING') and environment = :environment
   and (cast(:any_queue as {int8}) = 1 or queue = :queue)
   and (cast(:any_pool as {int8}) = 1 or pool = :pool)
 order by id
 limit :limit

-- name: count_before
-- How many runs stand before one in its lane, up to a limit.
select count(*) as number
  from (select 1 as one from runs
         where lane = :lane and place is not null and (place < :place or (place = :place and id < :id))
         limit :limit) as before

-- name: count_other_keys
-- How many other pools of a queue have runs ready.
select count(distinct pool) as number from lanes
 where environment = :environment and queue = :queue and ready > 0 and pool <> :pool

-- name: versions_with_task
-- Those of some versions that have a task.
select version from tasks
 where environment = :environment and task = :task and version in {list:versions}
 order by version
