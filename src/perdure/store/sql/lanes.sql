-- name: change_lanes
-- Add to the ready counts of lanes, making those that are new; a virtual time only grows.
insert into lanes (id, environment, queue, concurrency_key, task, version, kind, pool, ready, virtual_time)
select r.id, r.environment, r.queue, r.concurrency_key, r.task, r.version, r.kind, r.pool, r.ready,
       r.virtual_time
  from {rows:lanes(id int8, environment text, queue text, concurrency_key text, task text, version text,
        kind int8, pool int8, ready int8, virtual_time float8)} as r
 where true
    on conflict (id) do update
   set ready = lanes.ready + excluded.ready,
       virtual_time = {greatest}(lanes.virtual_time, excluded.virtual_time)

-- name: ready_kinds
-- The kinds of runs that are ready: hops from one to the next in the index, however many lanes each has.
with recursive kinds (kind) as (
    select min(kind) from lanes where environment = :environment and ready > 0 and full_at is null
    union all
    select (select min(l.kind) from lanes as l
             where l.environment = :environment and l.kind > kinds.kind
               and l.ready > 0 and l.full_at is null)
      from kinds
     where kinds.kind is not null
)
select kind from kinds where kind is not null

-- name: open_lanes
-- The lanes of a kind that were given least, with the slots of their pools.
select l.id, l.pool, l.ready, l.virtual_time, l.queue, l.concurrency_key, l.task, l.version,
       q.concurrency_limit, coalesce(p.running, 0) as running,
       coalesce(e.running, 0) as running_in_environment, coalesce(e.virtual_time, 0) as environment_time
  from lanes as l
  left join queues as q on q.environment = l.environment and q.name = l.queue
  left join pools as p on p.id = l.pool
  left join pools as e on e.id = :environment_pool
 where l.environment = :environment and l.kind = :kind and l.ready > 0 and l.full_at is null
 order by l.virtual_time, l.id
 limit :limit

-- name: close_lanes
-- Take the lanes of full pools out of sight.
update lanes set full_at = :now where pool in {list_int:pools}

-- name: reopen_lanes
-- The lanes of these pools may have a free slot again.
update lanes set full_at = null where pool in {list_int:pools} and full_at is not null

-- name: all_lanes
-- Each lane with its ready count, for the reconciler.
select id, ready from lanes

-- name: lock_lanes
-- The ready counts of some lanes, which nobody else changes until the transaction ends.
select id, ready from lanes where id in {list_int:lanes} order by id {for_update}

-- name: set_ready
-- Correct ready counts.
update lanes set ready = r.ready from {rows:lanes(id int8, ready int8)} as r where lanes.id = r.id

-- name: reopen_forgotten_lanes
-- Lanes that are out of sight though their pool is not marked as full.
update lanes set full_at = null
 where full_at is not null
   and not exists (select 1 from pools where pools.id = lanes.pool and pools.full_at is not null)

-- name: delete_empty_lanes
-- Forget lanes where nobody stands; the next run makes them again.
delete from lanes where ready = 0
