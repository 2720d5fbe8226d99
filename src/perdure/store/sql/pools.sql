-- name: change_pools
-- Add to the running counts of pools, making those that are new; the rows stay locked.
insert into pools (id, environment, queue, concurrency_key, running, virtual_time, is_metered)
select r.id, r.environment, r.queue, r.concurrency_key, r.running, r.virtual_time,
       (select count(*) from queue_meters as m where m.environment = r.environment and m.queue = r.queue)
  from {rows:pools(id int8, environment text, queue text, concurrency_key text, running int8,
        virtual_time float8)} as r
 where true
    on conflict (id) do update
   set running = pools.running + excluded.running,
       virtual_time = {greatest}(pools.virtual_time, excluded.virtual_time)
returning id, running, full_at, is_metered

-- name: pool
-- One pool.
select * from pools where id = :id

-- name: mark_full
-- Note which pools have no slot left.
update pools set full_at = :now where id in {list_int:pools}

-- name: mark_free
-- Note which pools may have a slot again.
update pools set full_at = null where id in {list_int:pools}

-- name: charge_pools
-- Note what the rates of pools have given, and until when they give nothing.
update pools set spent_until = r.spent_until, closed_until = r.closed_until
  from {rows:pools(id int8, spent_until int8, closed_until int8)} as r
 where pools.id = r.id

-- name: due_pools
-- Pools whose rate gives a run again.
select id from pools where closed_until <= :now order by closed_until limit :limit

-- name: next_open_pool
-- When the next pool gives a run again.
select min(closed_until) as moment from pools where closed_until is not null

-- name: open_pools
-- Note that the rates of pools give runs again.
update pools set closed_until = null where id in {list_int:pools} and closed_until <= :now

-- name: lock_pools_of_queue
-- All pools of a queue, which nobody else changes until the transaction ends.
select * from pools where environment = :environment and queue = :queue order by id {for_update}

-- name: forget_closures
-- The limits of a queue have changed: look at all its pools again.
update pools set full_at = null, closed_until = null
 where environment = :environment and queue = :queue and (full_at is not null or closed_until is not null)
returning id

-- name: free_environment
-- The limit of an environment has changed: look at all its pools again.
update pools set full_at = null where environment = :environment and full_at is not null returning id

-- name: set_metered
-- Note whether the runs of a queue's pools count in its meter.
update pools set is_metered = :is_metered where environment = :environment and queue = :queue

-- name: all_pools
-- Each pool with its running count, for the reconciler.
select * from pools

-- name: lock_pools
-- The running counts of some pools, which nobody else changes until the transaction ends.
select * from pools where id in {list_int:pools} order by (queue is null), id {for_update}

-- name: set_running
-- Correct running counts.
update pools set running = r.running from {rows:pools(id int8, running int8)} as r where pools.id = r.id

-- name: delete_idle_pools
-- Forget pools of concurrency keys that nothing runs in, and whose rate has nothing to remember.
delete from pools
 where running = 0 and full_at is null and concurrency_key is not null and closed_until is null
   and coalesce(spent_until, 0) <= :microsecond
