-- part: lanes_and_their_slots
select l.id, l.pool, l.ready, l.resumed, l.virtual_time, l.queue, l.concurrency_key, l.task, l.version,
       coalesce(q.limit_override, q.concurrency_limit) as concurrency_limit, coalesce(p.running, 0) as running,
       coalesce(p.virtual_time, 0) as pool_time, coalesce(p.spent_until, 0) as spent_until,
       coalesce(e.running, 0) as running_in_environment, coalesce(e.virtual_time, 0) as environment_time
  from lanes as l
  left join queues as q on q.environment = l.environment and q.name = l.queue
  left join pools as p on p.id = l.pool
  left join pools as e on e.id = :environment_pool

-- name: change_lanes
-- Add to the counts of lanes, making those that are new; a virtual time only grows.  A lane that was
-- out of sight is looked at again when a run that goes on with its attempt comes.
insert into lanes (id, environment, queue, concurrency_key, task, version, kind, pool, ready, resumed,
                   virtual_time)
select r.id, r.environment, r.queue, r.concurrency_key, r.task, r.version, r.kind, r.pool, r.ready,
       r.resumed, r.virtual_time
  from {rows:lanes(id int8, environment text, queue text, concurrency_key text, task text, version text,
        kind int8, pool int8, ready int8, resumed int8, virtual_time float8)} as r
 where true
    on conflict (id) do update
   set ready = lanes.ready + excluded.ready,
       resumed = lanes.resumed + excluded.resumed,
       virtual_time = {greatest}(lanes.virtual_time, excluded.virtual_time),
       closed_at = case when excluded.resumed > 0 then null else lanes.closed_at end

-- name: ready_kinds
-- The kinds of runs that are ready: hops from one to the next in the index, however many lanes each has.
with recursive kinds (kind) as (
    select min(kind) from lanes where environment = :environment and ready > 0 and closed_at is null
    union all
    select (select min(l.kind) from lanes as l
             where l.environment = :environment and l.kind > kinds.kind
               and l.ready > 0 and l.closed_at is null)
      from kinds
     where kinds.kind is not null
)
select kind from kinds where kind is not null

-- name: kind
-- What a kind stands for, as any of its lanes says.
select kind, queue, task, version from lanes
 where environment = :environment and kind = :kind and ready > 0 and closed_at is null
 limit 1

-- name: open_lanes
-- The lanes of a kind that were given least, with the slots of their pools.
{part:lanes_and_their_slots}
 where l.environment = :environment and l.kind = :kind and l.ready > 0 and l.closed_at is null
 order by l.virtual_time, l.id
 limit :limit

-- name: resumed_lanes
-- The same of the lanes where a run stands that goes on with its attempt.
{part:lanes_and_their_slots}
 where l.environment = :environment and l.kind = :kind and l.resumed > 0 and l.closed_at is null
 order by l.virtual_time, l.id
 limit :limit

-- name: close_lanes
-- Take the lanes of full pools out of sight.
update lanes set closed_at = :now where pool in {list_int:pools}

-- name: close_spent_lanes
-- Take the lanes of pools whose rate is used up out of sight, where nobody goes on with an attempt.
update lanes set closed_at = :now where pool in {list_int:pools} and resumed = 0

-- name: reopen_lanes
-- The lanes of these pools are worth a look again.
update lanes set closed_at = null where pool in {list_int:pools} and closed_at is not null

-- name: all_lanes
-- Each lane with its counts, for the reconciler.
select id, ready, resumed from lanes

-- name: lock_lanes
-- The counts of some lanes, which nobody else changes until the transaction ends.
select id, ready, resumed from lanes where id in {list_int:lanes} order by id {for_update}

-- name: set_ready
-- Correct the counts of lanes.
update lanes set ready = r.ready, resumed = r.resumed
  from {rows:lanes(id int8, ready int8, resumed int8)} as r
 where lanes.id = r.id

-- name: reopen_forgotten_lanes
-- Lanes that are out of sight though their pool is neither full nor closed.
update lanes set closed_at = null
 where closed_at is not null
   and not exists (
           select 1 from pools
            where pools.id = lanes.pool and (pools.full_at is not null or pools.closed_until is not null))

-- name: delete_empty_lanes
-- Forget lanes where nobody stands; the next run makes them again.
delete from lanes where ready = 0
