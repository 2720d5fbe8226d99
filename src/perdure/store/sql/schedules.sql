-- part: filters
        s.environment = :environment
   and (cast(:task as text) is null or s.task = :task)

-- name: insert_schedules
-- Make schedules, unless their environment has one of the same deduplication key.
insert into schedules (id, environment, task, is_declared, is_active, deduplication_key, external_id, cron,
                       timezone, spread, missed, max_catch_up, overlap, created_at, updated_at, next_at,
                       due_at, last_at, held)
select r.id, r.environment, r.task, r.is_declared, r.is_active, r.deduplication_key, r.external_id, r.cron,
       r.timezone, r.spread, r.missed, r.max_catch_up, r.overlap, r.created_at, r.updated_at, r.next_at,
       r.due_at, r.last_at, r.held
  from {rows:schedules(id text, environment text, task text, is_declared int8, is_active int8,
        deduplication_key text, external_id text, cron text, timezone text, spread text, missed text,
        max_catch_up int8, overlap text, created_at int8, updated_at int8, next_at int8, due_at int8,
        last_at int8, held text)} as r
 where true
    on conflict do nothing

-- name: write_schedules
-- Change schedules that this transaction has locked.
update schedules
   set task = r.task, is_active = r.is_active, external_id = r.external_id, cron = r.cron,
       timezone = r.timezone, spread = r.spread, missed = r.missed, max_catch_up = r.max_catch_up,
       overlap = r.overlap, updated_at = r.updated_at, next_at = r.next_at, due_at = r.due_at,
       last_at = r.last_at, held = r.held
  from {rows:schedules(id text, task text, is_active int8, external_id text, cron text, timezone text,
        spread text, missed text, max_catch_up int8, overlap text, updated_at int8, next_at int8,
        due_at int8, last_at int8, held text)} as r
 where schedules.id = r.id

-- name: delete_schedules
-- Forget schedules.
delete from schedules where id in {list:ids}

-- name: schedule
-- One schedule.
select * from schedules where environment = :environment and id = :id

-- name: lock_schedule
-- One schedule, to be changed.
select * from schedules where environment = :environment and id = :id {for_update}

-- name: lock_schedule_of_key
-- The schedule of a deduplication key, to be changed.
select * from schedules where environment = :environment and deduplication_key = :key {for_update}

-- name: lock_declared_schedules
-- The schedules that code declares, to be changed.
select * from schedules where environment = :environment and is_declared = 1 order by id {for_update}

-- name: count_schedules
-- How many schedules fit.
select count(*) as number from schedules as s where {part:filters}

-- name: schedules_page
-- A page of schedules, newest first.
select s.* from schedules as s
 where {part:filters}
 order by s.id desc
 limit :limit offset :offset

-- name: lock_due_schedules
-- Schedules whose tick is due, the earliest first.
select * from schedules where due_at <= :now order by due_at, id limit :limit {skip_locked}

-- name: lock_released_schedules
-- Schedules of which ticks wait, and no run is left to wait for.
select * from schedules
 where held <> '[]'
   and not exists (select 1 from runs where runs.schedule = schedules.id and runs.finished_at is null)
 order by id
 limit :limit
{skip_locked}

-- name: next_schedule
-- When the next tick is due.
select min(due_at) as due_at from schedules where due_at is not null

-- name: any_released_schedule
-- Whether ticks wait of which no run is left to wait for.
select exists (
    select 1 from schedules
     where held <> '[]'
       and not exists (select 1 from runs where runs.schedule = schedules.id and runs.finished_at is null)
) as found

-- name: live_runs_of_schedules
-- The runs of schedules that have not ended.
select schedule, id from runs
 where schedule in {list:schedules} and finished_at is null
 order by id

-- name: environments_with_workers
-- Which of some environments have a worker that is connected and was heard of lately.
select distinct environment from workers
 where environment in {list:environments} and disconnected_at is null and last_seen_at >= :since

-- name: environments_of_ids
-- Some environments.
select * from environments where id in {list:ids}
