-- name: insert_timers
-- Set alarms.
-- One that stands there already is written again: who has locked it, to remove it, is waited for.
insert into timers (due_at, kind, subject)
select r.due_at, r.kind, r.subject from {rows:timers(due_at int8, kind text, subject text)} as r
 where true
    on conflict (due_at, kind, subject) do update set subject = excluded.subject

-- name: lock_due_timers
-- Alarms whose moment has come.
select due_at, kind, subject from timers
 where due_at <= :now
 order by due_at, kind, subject
 limit :limit
{skip_locked}

-- name: delete_timers
-- Put alarms off.
delete from timers
 using {rows:timers(due_at int8, kind text, subject text)} as r
 where timers.due_at = r.due_at and timers.kind = r.kind and timers.subject = r.subject

-- name: next_timer
-- When the next alarm is due.
select min(due_at) as due_at from timers
