-- part: span
s.name as run, x.id, x.parent, x.attempt, x.source, x.name, x.started_ns, x.ended_ns, x.is_error, x.message,
       x.attributes, x.place

-- name: put_spans
-- Store spans, as they are now.
insert into spans (subject, id, parent, attempt, source, name, started_ns, ended_ns, is_error, message, attributes,
                   place)
select r.subject, r.id, r.parent, r.attempt, r.source, r.name, r.started_ns, r.ended_ns, r.is_error, r.message,
       r.attributes, r.place
  from {rows:spans(subject int8, id int8, parent int8, attempt int8, source text, name text, started_ns int8,
        ended_ns int8, is_error int8, message text, attributes text, place text)} as r
 where true
    on conflict (subject, id) do update
   set attempt = excluded.attempt, ended_ns = excluded.ended_ns, is_error = excluded.is_error,
       message = excluded.message, attributes = excluded.attributes

-- name: spans
-- The spans of subjects.
select {part:span}
  from spans as x join subjects as s on s.id = x.subject
 where x.subject in {list_int:subjects}
 limit :limit

-- name: unsent_spans
-- Those of them that have not ended, or have a name.
select {part:span}
  from spans as x join subjects as s on s.id = x.subject
 where x.subject in {list_int:subjects} and (x.ended_ns is null or x.name = :name)
 limit :limit
