-- name: insert_runs
-- Store new runs.
insert into runs (
    id, environment, task, queue, concurrency_key, locked_version, lane, pool, status, place, priority,
    created_at, updated_at, queued_at, delayed_until, due_at, ttl_ms, expires_at, fence, attempt, spared, losses,
    max_attempts, active_ms, max_duration_ms, machine, parent, root, depth, batch, replay_of, schedule,
    is_test, idempotency_key, idempotency_key_options, region, waited_by_parent, kept_version,
    is_locked_with_parent)
select r.id, r.environment, r.task, r.queue, r.concurrency_key, r.locked_version, r.lane, r.pool,
       r.status, r.place, r.priority, r.created_at, r.created_at, r.queued_at, r.delayed_until, r.due_at,
       r.ttl_ms, r.expires_at, 0, 0, 0, 0, r.max_attempts, 0, r.max_duration_ms, r.machine, r.parent, r.root,
       r.depth, r.batch, r.replay_of, r.schedule, r.is_test, r.idempotency_key,
       r.idempotency_key_options, r.region, r.waited_by_parent, r.kept_version, r.is_locked_with_parent
  from {rows:runs(id text, environment text, task text, queue text, concurrency_key text,
        locked_version text, lane int8, pool int8, status text, place int8, priority float8,
        created_at int8, queued_at int8, delayed_until int8, due_at int8, ttl_ms int8, expires_at int8,
        max_attempts int8, max_duration_ms float8, machine text, parent text, root text, depth int8,
        batch text, replay_of text, schedule text, is_test int8, idempotency_key text,
        idempotency_key_options text, region text, waited_by_parent int8, kept_version text,
        is_locked_with_parent int8)} as r

-- name: run
-- One run of an environment.
select * from runs where id = :id and environment = :environment

-- name: runs
-- Some runs, in the order of their ids.
select * from runs where id in {list:ids} order by id

-- name: lock_runs
-- Some runs, for a change: nobody else changes them until the transaction ends.
select * from runs where id in {list:ids} order by id {for_update}

-- name: write_runs
-- Write what a change of status can change.
update runs
   set status = r.status, place = r.place, queued_at = r.queued_at,
       updated_at = {greatest}(r.updated_at, runs.updated_at + 1),  -- each state has a number of its own
       delayed_until = r.delayed_until, due_at = r.due_at, expires_at = r.expires_at,
       started_at = r.started_at, finished_at = r.finished_at, worker = r.worker,
       lease_until = r.lease_until, fence = r.fence, version = r.version, attempt = r.attempt,
       spared = r.spared, losses = r.losses, active_ms = r.active_ms, machine = r.machine,
       snapshot = r.snapshot, is_mid_attempt = r.is_mid_attempt, kept_version = r.kept_version, lane = r.lane,
       locked_version = r.locked_version, events = r.events
  from {rows:runs(id text, status text, place int8, updated_at int8, queued_at int8, delayed_until int8,
        due_at int8, expires_at int8, started_at int8, finished_at int8, worker text, lease_until int8,
        fence int8, version text, attempt int8, spared int8, losses int8, active_ms float8, machine text,
        snapshot int8, is_mid_attempt int8, kept_version text, lane int8, locked_version text,
        events int8)} as r
 where runs.id = r.id

-- name: lock_heads (sqlite)
-- The first runs of some lanes, for a claim.
with asked as (select * from {rows:lanes(lane int8, quota int8)})
select * from runs
 where lane = (select lane from asked) and place is not null
 order by place, id
 limit (select quota from asked)

-- name: lock_heads (postgres)
select head.*
  from {rows:lanes(lane int8, quota int8)} as asked
 cross join lateral (
       select * from runs
        where lane = asked.lane and place is not null
        order by place, id
        limit asked.quota
        for update skip locked) as head

-- name: lock_resumed_heads (sqlite)
-- The first runs of some lanes that go on with their attempt.
with asked as (select * from {rows:lanes(lane int8, quota int8)})
select * from runs
 where lane = (select lane from asked) and place is not null and is_mid_attempt = 1
 order by place, id
 limit (select quota from asked)

-- name: lock_resumed_heads (postgres)
select head.*
  from {rows:lanes(lane int8, quota int8)} as asked
 cross join lateral (
       select * from runs
        where lane = asked.lane and place is not null and is_mid_attempt = 1
        order by place, id
        limit asked.quota
        for update skip locked) as head

-- name: lock_fresh_heads (sqlite)
-- The first runs of some lanes that begin an attempt.  (Not "= 0": a planner without statistics takes that
-- for rare, and sorts the whole lane.)
with asked as (select * from {rows:lanes(lane int8, quota int8)})
select * from runs
 where lane = (select lane from asked) and place is not null and is_mid_attempt <> 1
 order by place, id
 limit (select quota from asked)

-- name: lock_fresh_heads (postgres)
select head.*
  from {rows:lanes(lane int8, quota int8)} as asked
 cross join lateral (
       select * from runs
        where lane = asked.lane and place is not null and is_mid_attempt <> 1
        order by place, id
        limit asked.quota
        for update skip locked) as head

-- name: lock_pending_runs
-- Runs that wait for a worker that knows their task, and whose queue is defined.
select * from runs
 where environment = :environment and task in {list:tasks} and status = 'PENDING_VERSION'
   and (queue = 'task/' || task
        or exists (select 1 from queues as q where q.environment = runs.environment and q.name = runs.queue))
 order by id
 limit :limit
{skip_locked}

-- name: pending_tasks
-- The tasks whose runs wait for a worker that knows them.
select distinct environment, task from runs where status = 'PENDING_VERSION'

-- name: lock_expired_leases
-- Runs whose lease is over.
select * from runs
 where lease_until is not null and lease_until <= :now
 order by lease_until
 limit :limit
{skip_locked}

-- name: lock_forsaken_runs
-- Runs in line that are kept for a version of which no worker was heard lately.
with kept as (
    select distinct environment, kept_version from runs
     where place is not null and kept_version <> '' and locked_version = '' and snapshot is not null
), forsaken as (
    select * from kept
     where not exists (
        select 1 from workers as w
         where w.environment = kept.environment and w.version = kept.kept_version
           and coalesce(w.disconnected_at, w.last_seen_at) > :since)
)
select runs.* from runs
  join forsaken on forsaken.environment = runs.environment and forsaken.kept_version = runs.kept_version
 where runs.place is not null and runs.kept_version <> '' and runs.locked_version = ''
   and runs.snapshot is not null
 order by runs.id
 limit :limit
{skip_locked}

-- name: lock_forsaken_children
-- Runs in line that are locked to their parent's version, of which no worker was heard lately.
with locked as (
    select distinct environment, locked_version from runs
     where place is not null and is_locked_with_parent = 1 and locked_version <> ''
), forsaken as (
    select * from locked
     where not exists (
        select 1 from workers as w
         where w.environment = locked.environment and w.version = locked.locked_version
           and coalesce(w.disconnected_at, w.last_seen_at) > :since)
)
select runs.* from runs
  join forsaken on forsaken.environment = runs.environment
   and forsaken.locked_version = runs.locked_version
 where runs.place is not null and runs.is_locked_with_parent = 1
 order by runs.id
 limit :limit
{skip_locked}

-- name: lock_runs_of_worker
-- Runs that a worker holds.
select * from runs where lease_until is not null and worker = :worker order by id {for_update}

-- name: extend_leases
-- Keep the leases of a worker's runs; give those that are its own.
update runs
   set lease_until = :lease_until
  from {rows:held(run text, fence int8)} as r
 where runs.id = r.run and runs.fence = r.fence and runs.worker = :worker
   and runs.lease_until is not null
returning runs.id

-- name: move_runs
-- Put runs into other queues.
update runs set queue = r.queue, lane = r.lane, pool = r.pool
  from {rows:runs(id text, queue text, lane int8, pool int8)} as r
 where runs.id = r.id

-- name: count_places
-- How many runs stand in each lane.
select lane, count(*) as ready, cast(sum(is_mid_attempt) as {int8}) as resumed
  from runs
 where place is not null
 group by lane

-- name: count_places_of
-- How many runs stand in some lanes.
select lane, count(*) as ready, cast(sum(is_mid_attempt) as {int8}) as resumed
  from runs
 where place is not null and lane in {list_int:lanes}
 group by lane

-- name: count_held
-- How many runs of each pool hold a slot.
select environment, queue, pool, count(*) as running
  from runs
 where lease_until is not null and status in ('DEQUEUED', 'EXECUTING')
 group by environment, queue, pool

-- name: children_of_run
-- The runs that a run triggered, in their order.
select * from runs where parent = :run order by id limit :limit

-- name: lock_unfinished_children
-- What some runs triggered and has not ended, for a change.
select * from runs where parent in {list:parents} and finished_at is null order by id {for_update}
