-- part: current_waits
    case when r.status in ('EXECUTING', 'WAITING') and r.lease_until is not null
         then 0  -- what it waits for in memory
         else coalesce(r.snapshot, 0) end

-- name: insert_snapshots
-- Store states of runs.
insert into snapshots (run, number, kind, key, data, attempt, stored, frames, changes, created_at)
select r.run, r.number, r.kind, r.key, r.data, r.attempt, r.stored, r.frames, r.changes, r.created_at
  from {rows:snapshots(run text, number int8, kind text, key text, data text, attempt int8, stored bytes,
        frames bytes, changes text, created_at int8)} as r

-- name: drop_old_waits
-- Forget what older states of runs waited for, where nobody can go back to them.
delete from waits
 using {rows:current(run text, number int8, is_parked int8)} as c
 where waits.run = c.run and waits.snapshot < c.number and (waits.snapshot > 0 or c.is_parked = 1)
   and not exists (
    select 1 from snapshots as s
     where s.run = waits.run and s.number = waits.snapshot and s.kind = 'checkpoint')

-- name: drop_old_snapshots
-- Forget older states of runs that were stored at a wait.
delete from snapshots
 using {rows:current(run text, number int8)} as c
 where snapshots.run = c.run and snapshots.number < c.number and snapshots.kind = 'wait'

-- name: forget_waits
-- Forget what runs that wait in memory waited for before.
delete from waits where run in {list:runs} and snapshot = 0

-- name: insert_waits
-- Note what states of runs wait for.
insert into waits (run, snapshot, kind, subject, due_at)
select r.run, r.snapshot, r.kind, r.subject, r.due_at
  from {rows:waits(run text, snapshot int8, kind text, subject text, due_at int8)} as r
 where true
    on conflict do nothing

-- name: last_snapshots
-- The number of the newest state of each run, and of its newest checkpoint.
select run, max(number) as newest, max(case when kind = 'checkpoint' then number end) as checkpoint
  from snapshots
 where run in {list:runs}
 group by run

-- name: snapshots_to_restore
-- The states that runs go on from.
select s.run, s.number, s.stored, s.changes
  from runs as r
  join snapshots as s on s.run = r.id and s.number = r.snapshot
 where r.id in {list:runs}

-- name: snapshots_of_run
-- The states of a run, newest first, without the coroutines.
select number, kind, key, data, attempt, length(stored) as size, frames, created_at,
       substr(stored, 1, :head) as head
  from snapshots where run = :run order by number desc

-- name: waits_of_run
-- What the states of a run wait for, or (0) what it waits for in memory.
select w.snapshot, w.kind, w.subject, coalesce(w.due_at, t.timeout_at) as until, r.task, r.status
  from waits as w
  left join tokens as t on w.kind = 'token' and t.id = w.subject
  left join runs as r on w.kind = 'run' and r.id = w.subject
 where w.run = :run
 order by w.snapshot, w.kind, w.subject

-- name: copy_snapshot
-- Give a new run a state of another as its first.
insert into snapshots (run, number, kind, key, data, attempt, stored, frames, changes, created_at)
select :to_run, 1, kind, key, data, 1, stored, frames, :changes, :now
  from snapshots where run = :run and number = :number

-- name: copy_waits
-- Give a new run what that state waits for.
insert into waits (run, snapshot, kind, subject, due_at)
select :to_run, 1, kind, subject, due_at from waits where run = :run and snapshot = :number

-- name: begin_at_snapshot
-- Let a new run begin at its first state.
update runs set snapshot = 1 where id = :run

-- name: mark_waited_for
-- Note that somebody waits for these runs, so that their end wakes them; they are locked by this.
update runs set is_awaited = 1 where id in {list:runs} returning id, finished_at

-- name: waiters
-- The runs that wait for any of these.
select distinct w.run, r.environment
  from waits as w
  join runs as r on r.id = w.run and w.snapshot = {part:current_waits}
 where w.kind = :kind and w.subject in {list:subjects} and w.due_at is null and r.finished_at is null

-- name: lock_tokens
-- Some tokens, for a change.
select * from tokens where id in {list:tokens} order by id {for_update}

-- name: waits_over
-- What is over of all that some runs wait for, with what came of it.
select w.run, w.kind, w.subject, w.due_at,
       case when w.kind = 'run' then child.status end as status,
       coalesce(t.output, o.data) as output,
       coalesce(t.output_type, o.type) as output_type,
       case when b.aborted_at is not null then 'abort'
            when w.kind = 'token' and t.id is null then 'nobody'
            else t.completed_by end as completed_by,
       e.data as error
  from waits as w
  join runs as r on r.id = w.run and w.snapshot = {part:current_waits}
  left join runs as child on w.kind = 'run' and child.id = w.subject
  left join packets as o on w.kind = 'run' and o.run = w.subject and o.kind = 'output'
  left join packets as e on w.kind = 'run' and e.run = w.subject and e.kind = 'error'
  left join tokens as t on w.kind = 'token' and t.id = w.subject and t.environment = r.environment
  left join batches as b on w.kind = 'batch' and b.id = w.subject
 where w.run in {list:runs}
   and (w.due_at <= :now or child.finished_at is not null or t.completed_at is not null
        or (w.kind = 'token' and t.id is null)
        or b.completed_at is not null or b.aborted_at is not null)
 order by w.run, w.kind, w.subject

-- name: add_wakes
-- Tell workers that runs which wait in their memory may go on.
insert into wakes (worker, run, fence, id)
select r.worker, r.run, r.fence, r.id from {rows:wakes(worker text, run text, fence int8, id text)} as r
 where true
    on conflict (worker, run) do update set fence = excluded.fence, id = excluded.id

-- name: drop_wakes
-- Forget what workers have heard.
delete from wakes where worker in {list:workers} and id in {list:ids}

-- name: wakes_of_workers
-- Runs in workers' memory that may go on.
select worker, run, fence, id from wakes where worker in {list:workers} order by worker, run
