-- name: count_telemetry
-- Add to what subjects have; give what they have then.  The rows stay locked.
insert into subjects (feed, name, task, lines, spans, spans_dropped, last_at)
select r.feed, r.name, r.task, r.lines, r.spans, 0, r.last_at
  from {rows:subjects(feed int8, name text, task text, lines int8, spans int8, last_at int8)} as r
 where true
    on conflict (name, feed) do update
   set lines = subjects.lines + excluded.lines, spans = subjects.spans + excluded.spans,
       last_at = {greatest}(subjects.last_at, excluded.last_at)
returning id, name, lines, spans

-- name: count_dropped_spans
-- Note that spans were over the limit.
update subjects
   set spans = spans - r.dropped, spans_dropped = spans_dropped + r.dropped
  from {rows:subjects(id int8, dropped int8)} as r
 where subjects.id = r.id

-- name: feed
-- The feed of an environment.
select id, lines, dropped from feeds where environment = :environment

-- name: count_feed
-- Add to the lines of an environment; give what it has then.  The row stays locked.
insert into feeds (environment, lines, dropped) values (:environment, :lines, :dropped)
    on conflict (environment) do update
   set lines = feeds.lines + excluded.lines, dropped = feeds.dropped + excluded.dropped
returning id, lines

-- name: subjects
-- What is known of subjects, by name.
select id, name, spans_dropped from subjects where name in {list:names} and feed = :feed

-- name: old_subjects
-- Subjects that nothing was added to lately, the oldest first.
select id, name, lines, spans, last_at from subjects
 where id > :after and last_at < :before
 order by id
 limit :limit

-- name: ids_of_subjects
-- The subjects of these names.
select id from subjects where name in {list:names}

-- name: delete_log_lines
-- Forget log lines.
delete from log_lines where subject in {list_int:subjects}

-- name: delete_spans
-- Forget spans.
delete from spans where subject in {list_int:subjects}

-- name: delete_subjects
-- Forget that there was something.
delete from subjects where id in {list_int:subjects}

-- name: count_dropped
-- What was dropped, by environment: on the way, and over the limit of a run.
select f.environment, f.dropped + coalesce((select sum(s.spans_dropped) from subjects as s where s.feed = f.id), 0)
       as dropped
  from feeds as f
