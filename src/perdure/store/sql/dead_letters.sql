-- part: chosen_letters
        (cast(:any_task as {int8}) = 1 or l.task in {list:tasks})
   and (cast(:any_queue as {int8}) = 1 or l.queue in {list:queues})
   and (cast(:any_status as {int8}) = 1 or l.status in {list:statuses})
   and l.failed_at >= :since and l.failed_at <= :until

-- name: dead_letter_sources
-- The tasks and queues of an environment whose failed runs are kept for people.
select kind, name from dead_letter_sources where environment = :environment

-- name: insert_dead_letter_sources
-- Keep the failed runs of tasks and queues.
insert into dead_letter_sources (environment, kind, name)
select r.environment, r.kind, r.name from {rows:sources(environment text, kind text, name text)} as r
 where true
    on conflict do nothing

-- name: delete_dead_letter_sources
-- Keep the failed runs of tasks and queues no more.
delete from dead_letter_sources
 where (environment, kind, name) in (
           select r.environment, r.kind, r.name
             from {rows:sources(environment text, kind text, name text)} as r)

-- name: insert_dead_letters
-- Note which of some runs that failed are to be kept for people.
insert into dead_letters (run, environment, task, queue, status, failed_at)
select r.id, r.environment, r.task, r.queue, r.status, :now
  from runs as r
 where r.id in {list:runs}
   and exists (
           select 1 from dead_letter_sources as s
            where s.environment = r.environment
              and ((s.kind = 'task' and s.name = r.task) or (s.kind = 'queue' and s.name = r.queue)))

-- name: dead_letters
-- A page of letters, those that failed last first.
select l.* from dead_letters as l
 where l.environment = :environment
   and {part:chosen_letters}
   and (l.redriven_at is null or cast(:with_redriven as {int8}) = 1)
   and (l.redriven_at is not null or cast(:with_open as {int8}) = 1)
   and (l.failed_at < :before_time or (l.failed_at = :before_time and l.run < :before_run))
 order by l.failed_at desc, l.run desc
 limit :limit

-- name: dead_letter
-- One letter.
select * from dead_letters where environment = :environment and run = :run

-- name: lock_dead_letters
-- Some letters, open or redriven, for a change.
select * from dead_letters
 where environment = :environment and run in {list:runs}
 order by failed_at, run
{for_update}

-- name: lock_chosen_letters
-- Open letters that pass a filter, the oldest first, for a change.
select l.* from dead_letters as l
 where l.environment = :environment
   and {part:chosen_letters}
   and l.redriven_at is null
 order by l.failed_at, l.run
 limit :limit
{for_update}

-- name: note_redriven
-- Take letters off the list: a new run does what they could not.
update dead_letters set redriven_at = :now, redriven_as = r.redriven_as
  from {rows:letters(run text, redriven_as text)} as r
 where dead_letters.run = r.run

-- name: delete_dead_letters
-- Forget letters.
delete from dead_letters where run in {list:runs}
