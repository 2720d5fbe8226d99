-- name: insert_log_lines
-- Store log lines, in the order they are given.
insert into log_lines (run, attempt, time, level, source, message, properties)
select r.run, r.attempt, r.time, r.level, r.source, r.message, r.properties
  from {rows:lines(place int8, run text, attempt int8, time int8, level text, source text, message text,
        properties text)} as r
 order by r.place

-- name: log_lines
-- A run's log lines after the first so many, in their order.
select run, attempt, time, level, source, message, properties
  from log_lines
 where run = :run
 order by sequence
 limit :limit offset :skip

-- name: delete_old_log_lines
-- Forget log lines of before a moment.
delete from log_lines where time < :before
