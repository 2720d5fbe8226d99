-- part: line
s.name as run, l.number, l.line, l.attempt, l.time, l.level, l.source, l.message, l.properties, l.place, l.span,
       s.task

-- part: filters
       (cast(:text as text) is null or lower(l.message) like lower(cast(:text as text)) escape '\')
   and (cast(:task as text) is null or s.task = cast(:task as text))
   and (cast(:any_level as {int8}) = 1 or l.level in {list:levels})

-- name: insert_log_lines
-- Store log lines.
insert into log_lines (feed, number, subject, line, attempt, time, level, source, message, properties, place, span)
select r.feed, r.number, r.subject, r.line, r.attempt, r.time, r.level, r.source, r.message, r.properties,
       r.place, r.span
  from {rows:lines(feed int8, number int8, subject int8, line int8, attempt int8, time int8, level text,
        source text, message text, properties text, place text, span int8)} as r

-- name: log_lines
-- A run's log lines after one, in their order.
select {part:line}
  from log_lines as l join subjects as s on s.id = l.subject
 where l.subject = (select id from subjects where name = :run limit 1) and l.line > :after
 order by l.line
 limit :limit

-- name: search_log_lines
-- Lines of an environment, newest first: of the next so many before a place, those that pass the filters.
select {part:line}
  from (select * from log_lines
         where feed = :feed and (time, number) < (:time, :number) and time >= :since
         order by time desc, number desc
         limit :scan) as l
  join subjects as s on s.id = l.subject
 where {part:filters}
 order by l.time desc, l.number desc
 limit :limit

-- name: search_log_lines_of_run
-- The same of one run.
select {part:line}
  from (select * from log_lines
         where subject = :subject and (time, number) < (:time, :number) and time >= :since
         order by line desc
         limit :scan) as l
  join subjects as s on s.id = l.subject
 where {part:filters}
 order by l.time desc, l.number desc
 limit :limit

-- name: end_of_scan
-- Where such a search has got to, if it did not get to the end.
select time, number from log_lines
 where feed = :feed and (time, number) < (:time, :number) and time >= :since
 order by time desc, number desc
 limit 1 offset cast(:scan as {int8}) - 1

-- name: new_log_lines
-- Of the next so many lines of an environment that came after one, those that pass the filters.
select {part:line}
  from (select * from log_lines
         where feed = :feed and number > :after and number <= :upto) as l
  join subjects as s on s.id = l.subject
 where {part:filters} and (cast(:run as text) is null or s.name = cast(:run as text))
 order by l.number
