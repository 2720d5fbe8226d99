-- name: count_log_lines
-- Add to the numbers of lines of runs; give what they are then.  The rows stay locked.
insert into logs (run, lines, last_at)
select r.run, r.lines, r.last_at from {rows:logs(run text, lines int8, last_at int8)} as r
 where true
    on conflict (run) do update
   set lines = logs.lines + excluded.lines, last_at = {greatest}(logs.last_at, excluded.last_at)
returning run, lines

-- name: insert_log_lines
-- Store log lines.
insert into log_lines (run, number, attempt, time, level, source, message, properties)
select r.run, r.number, r.attempt, r.time, r.level, r.source, r.message, r.properties
  from {rows:lines(run text, number int8, attempt int8, time int8, level text, source text, message text,
        properties text)} as r

-- name: log_lines
-- A run's log lines after one, in their order.
select * from log_lines where run = :run and number > :after order by number limit :limit

-- name: old_logs
-- Logs of old runs that nothing was added to lately, the oldest first.
select * from logs
 where run > :after and run < :below and last_at < :before
 order by run
 limit :limit

-- name: delete_log_lines
-- Forget the log lines of runs.
delete from log_lines where run in {list:runs}

-- name: delete_logs
-- Forget that runs had log lines.
delete from logs where run in {list:runs}
