-- name: change_pools
-- Add to the running counts of pools, making those that are new; the rows stay locked.
insert into pools (id, environment, queue, concurrency_key, running, virtual_time)
select r.id, r.environment, r.queue, r.concurrency_key, r.running, r.virtual_time
  from {rows:pools(id int8, environment text, queue text, concurrency_key text, running int8,
        virtual_time float8)} as r
 where true
    on conflict (id) do update
   set running = pools.running + excluded.running,
       virtual_time = {greatest}(pools.virtual_time, excluded.virtual_time)
returning id, running, full_at

-- name: pool
-- One pool.
select * from pools where id = :id

-- name: mark_full
-- Note which pools have no slot left.
update pools set full_at = :now where id in {list_int:pools}

-- name: mark_free
-- Note which pools may have a slot again.
update pools set full_at = null where id in {list_int:pools}

-- name: mark_free_queue
-- The limit of a queue has changed: look at all its pools again.
update pools set full_at = null where environment = :environment and queue = :queue and full_at is not null
returning id

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
-- Forget pools of concurrency keys that nothing runs in.
delete from pools where running = 0 and full_at is null and concurrency_key is not null
