-- name: insert_events
-- Note what happened to runs.
insert into run_events (run, number, time, kind, attempt, message)
select r.run, r.number, r.time, r.kind, r.attempt, r.message
  from {rows:events(run text, number int8, time int8, kind text, attempt int8, message text)} as r

-- name: put_attempts
-- Store attempts as they are now.
insert into attempts (run, number, status, worker, version, machine, started_at, finished_at, active_ms,
                      error, retry_at)
select r.run, r.number, r.status, r.worker, r.version, r.machine, r.started_at, r.finished_at, r.active_ms,
       r.error, r.retry_at
  from {rows:attempts(run text, number int8, status text, worker text, version text, machine text,
        started_at int8, finished_at int8, active_ms float8, error text, retry_at int8)} as r
 where true
    on conflict (run, number) do update
   set status = excluded.status, finished_at = excluded.finished_at, active_ms = excluded.active_ms,
       error = excluded.error, retry_at = excluded.retry_at

-- name: attempts
-- The attempts of some runs.
select * from attempts where run in {list:runs} order by run, number

-- name: end_attempts
-- End attempts that are under way.
update attempts
   set status = r.status, finished_at = r.finished_at, active_ms = coalesce(r.active_ms, attempts.active_ms),
       error = r.error, retry_at = r.retry_at
  from {rows:attempts(run text, number int8, status text, finished_at int8, active_ms float8, error text,
        retry_at int8)} as r
 where attempts.run = r.run and attempts.number = r.number

-- name: insert_tags
-- Add tags to runs.
insert into run_tags (environment, tag, run)
select r.environment, r.tag, r.run from {rows:tags(environment text, tag text, run text)} as r
 where true
    on conflict do nothing

-- name: tags
-- The tags of some runs.
select run, tag from run_tags where run in {list:runs} order by run, tag

-- name: events
-- What happened to a run since it was triggered, after the first so many events, in order.
select * from run_events where run = :run and number > :skip order by number limit :limit

-- name: last_wait
-- What was said when a run began to wait for the last time.
select message from run_events where run = :run and kind = 'wait' order by number desc limit 1
