-- What the invariants are judged by.

-- name: every_run
-- All runs there are.
select * from runs order by id

-- name: every_token
-- All tokens, and what became of them.
select id, completed_at, completed_by, output from tokens order by id

-- name: every_output
-- What runs gave.
select run, data from packets where kind = 'output' order by run

-- name: every_tick
-- What the runs of schedules were given: the tick is in it.
select r.schedule, p.data from runs r join packets p on p.run = r.id and p.kind = 'payload'
 where r.schedule is not null order by r.id

-- name: never_woken
-- Parked runs that nothing will wake: no alarm, and nothing they wait for is still to come.
select r.id from runs r
 where r.status = 'WAITING' and r.lease_until is null
   and not exists (select 1 from timers t where t.subject = r.id and t.kind = 'wake')
   and not exists (select 1 from waits w join tokens k on k.id = w.subject
                    where w.run = r.id and w.kind = 'token' and k.completed_at is null)
   and not exists (select 1 from waits w join runs c on c.id = w.subject
                    where w.run = r.id and w.kind = 'run' and c.finished_at is null)
   and not exists (select 1 from waits w join batches b on b.id = w.subject
                    where w.run = r.id and w.kind = 'batch'
                      and b.completed_at is null and b.aborted_at is null)
 order by r.id

-- name: never_due
-- Runs that wait for their moment, and no alarm says when it is.
select r.id from runs r
 where (r.status = 'DELAYED' or (r.status = 'QUEUED' and r.place is null))
   and not exists (select 1 from timers t where t.subject = r.id and t.due_at = r.due_at)
 order by r.id

-- name: never_completed
-- Batches that are open though all their runs have ended, and nothing will look at them.
select b.id from batches b
 where b.sealed_at is not null and b.completed_at is null and b.aborted_at is null
   and not exists (select 1 from batch_looks l where l.batch = b.id)
   and not exists (select 1 from batch_items i join runs r on r.id = i.run
                    where i.batch = b.id and r.finished_at is null)
 order by b.id
