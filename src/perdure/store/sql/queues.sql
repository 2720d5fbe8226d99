-- part: lanes_with_heads
lanes as l
  join runs as h
    on h.id = (select r.id from runs as r
                where r.lane = l.id and r.place is not null
                order by r.place, r.id
                limit 1)

-- name: upsert_queues
-- Define queues as the code does; what was set at run time stays.
insert into queues (environment, name, concurrency_limit, total_limit, rate_limit, rate_period_ms, rate_burst,
                    rate_per_key, created_at)
select r.environment, r.name, r.concurrency_limit, r.total_limit, r.rate_limit, r.rate_period_ms,
       r.rate_burst, r.rate_per_key, r.created_at
  from {rows:queues(environment text, name text, concurrency_limit int8, total_limit int8, rate_limit int8,
        rate_period_ms int8, rate_burst int8, rate_per_key int8, created_at int8)} as r
 where true
    on conflict (environment, name) do update
   set concurrency_limit = excluded.concurrency_limit, total_limit = excluded.total_limit,
       rate_limit = excluded.rate_limit, rate_period_ms = excluded.rate_period_ms,
       rate_burst = excluded.rate_burst, rate_per_key = excluded.rate_per_key

-- name: queues
-- The queues of an environment, by name.
select * from queues where environment = :environment order by name

-- name: queue
-- One queue.
select * from queues where environment = :environment and name = :name

-- name: defined_queues
-- Those of some queues that exist.
select q.environment, q.name
  from {rows:asked(environment text, name text)} as asked
  join queues as q on q.environment = asked.environment and q.name = asked.name

-- name: page_of_queues
-- Some queues of an environment, by name.
select * from queues where environment = :environment order by name limit :limit offset :offset

-- name: count_queues
-- How many queues an environment has.
select count(*) as number from queues where environment = :environment

-- name: pause_queue
-- Start nothing new from a queue since a moment, or (null) go on.
update queues set paused_at = :paused_at where environment = :environment and name = :name

-- name: override_queue
-- Put another limit in place of the one in the code, or (null) no other.
update queues set limit_override = :limit_override, overridden_at = :overridden_at
 where environment = :environment and name = :name

-- name: gates
-- The queues of an environment that are paused, or have a limit or a rate over all their keys or for each.
select q.name, q.paused_at, q.total_limit, q.rate_limit, q.rate_period_ms, q.rate_burst, q.rate_per_key,
       coalesce(m.running, 0) as running, m.full_at, coalesce(m.spent_until, 0) as spent_until, m.closed_until
  from queues as q
  left join queue_meters as m on m.environment = q.environment and m.queue = q.name
 where q.environment = :environment
   and (q.paused_at is not null or q.total_limit is not null or q.rate_limit is not null)

-- name: lock_for_claims
-- One environment, for claims, which take turns; and whether it has queues with gates.
select e.*,
       (select min(q.name) from queues as q
         where q.environment = e.id
           and (q.paused_at is not null or q.total_limit is not null or q.rate_limit is not null)) as gated
  from environments as e
 where e.id = :id
{for_update}

-- name: insert_meter
-- Begin to measure a queue.
insert into queue_meters (environment, queue, running) values (:environment, :queue, :running)
    on conflict do nothing

-- name: delete_meter
-- Measure a queue no more.
delete from queue_meters where environment = :environment and queue = :queue

-- name: meter
-- What a queue is measured by.
select * from queue_meters where environment = :environment and queue = :queue

-- name: change_meters
-- Add to the running counts of queues; the rows stay locked.
update queue_meters set running = queue_meters.running + r.running
  from {rows:meters(environment text, queue text, running int8)} as r
 where queue_meters.environment = r.environment and queue_meters.queue = r.queue
returning queue_meters.environment, queue_meters.queue, queue_meters.running, queue_meters.full_at

-- name: mark_meters_full
-- Note which queues have as many runs as they may.
update queue_meters set full_at = :now
  from {rows:meters(environment text, queue text, total_limit int8)} as r
 where queue_meters.environment = r.environment and queue_meters.queue = r.queue
   and queue_meters.running >= r.total_limit

-- name: mark_meters_free
-- Note which queues may have room again.
update queue_meters set full_at = null
  from {rows:meters(environment text, queue text)} as r
 where queue_meters.environment = r.environment and queue_meters.queue = r.queue

-- name: charge_meters
-- Note what the rates of queues have given, and until when they give nothing.
update queue_meters set spent_until = r.spent_until, closed_until = r.closed_until
  from {rows:meters(environment text, queue text, spent_until int8, closed_until int8)} as r
 where queue_meters.environment = r.environment and queue_meters.queue = r.queue

-- name: open_meters
-- Note that the rates of queues give runs again.
update queue_meters set closed_until = null where closed_until <= :now
returning environment

-- name: next_open_meter
-- When the next queue gives a run again.
select min(closed_until) as moment from queue_meters where closed_until is not null

-- name: all_meters
-- Each meter, for the reconciler.
select * from queue_meters

-- name: lock_meters
-- All meters, which nobody else changes until the transaction ends.
select * from queue_meters order by environment, queue {for_update}

-- name: set_metered_running
-- Correct the running counts of queues.
update queue_meters set running = r.running
  from {rows:meters(environment text, queue text, running int8)} as r
 where queue_meters.environment = r.environment and queue_meters.queue = r.queue

-- name: waiting_in_queues
-- How many runs wait in each of some queues.
select queue, cast(sum(ready) as {int8}) as ready from lanes
 where environment = :environment and queue in {list:queues} and ready > 0
 group by queue

-- name: running_in_queues
-- How many runs of each of some queues hold a slot.
select queue, cast(sum(running) as {int8}) as running from pools
 where environment = :environment and queue in {list:queues} and running > 0
 group by queue

-- name: waiting_keys
-- The concurrency keys of a queue with the most runs waiting.
select concurrency_key, pool, cast(sum(ready) as {int8}) as ready from lanes
 where environment = :environment and queue = :queue and ready > 0
 group by concurrency_key, pool
 order by 3 desc, 1
 limit :limit

-- name: oldest_in_queue
-- Since when the run at the head of each lane of a queue waits, for the oldest of them.
select min(h.queued_at) as queued_at
  from {part:lanes_with_heads}
 where l.environment = :environment and l.queue = :queue and l.ready > 0

-- name: oldest_in_pools
-- The same for each of some keys.
select l.pool, min(h.queued_at) as queued_at
  from {part:lanes_with_heads}
 where l.pool in {list_int:pools} and l.ready > 0
 group by l.pool

-- name: pools_of_keys
-- The state of some pools.
select * from pools where id in {list_int:pools}

-- name: waiting_in_environment
-- How many runs of an environment may start.
select coalesce(cast(sum(ready) as {int8}), 0) as ready from lanes
 where environment = :environment and ready > 0

-- name: set_environment_limit
-- How many runs of an environment may run at once, and by what factor more than that.
update environments set concurrency_limit = :concurrency_limit, burst_factor = :burst_factor where id = :id

-- name: set_default_ttl
-- How long runs of an environment may wait for a worker if nothing else says; 0: for ever, null: the server says.
update environments set default_ttl_ms = :default_ttl_ms where id = :id

-- name: pause_environment
-- Start nothing new in an environment since a moment, or (null) go on.
update environments set paused_at = :paused_at where id = :id
