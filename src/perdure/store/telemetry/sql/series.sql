-- name: touch_series
-- Note series, new or known; give their ids.  The rows stay locked.
insert into series (feed, name, unit, attributes, last_at)
select r.feed, r.name, r.unit, r.attributes, r.last_at
  from {rows:series(feed int8, name text, unit text, attributes text, last_at int8)} as r
 where true
    on conflict (feed, name, attributes) do update
   set unit = excluded.unit, last_at = {greatest}(series.last_at, excluded.last_at)
returning id, name, attributes

-- name: put_points
-- Store numbers; a later one of the same moment counts.
insert into points (series, time, value)
select r.series, r.time, r.value from {rows:points(series int8, time int8, value float8)} as r
 where true
    on conflict (series, time) do update set value = excluded.value

-- name: series_of_name
-- The series of an environment that have a name, or all.
select id, name, unit, attributes from series
 where feed = :feed and (cast(:name as text) is null or name = cast(:name as text)) and last_at >= :since
 order by name, attributes
 limit :limit

-- name: points_of_series
-- The numbers of some series in a time, in its order.
select series, time, value from points
 where series in {list_int:series} and time >= :since and time < :until
 order by series, time
 limit :limit

-- name: old_series
-- The next series, by id.
select id from series where id > :after order by id limit :limit

-- name: delete_points
-- Forget the numbers of series before a moment.
delete from points where series in {list_int:series} and time < :before

-- name: delete_series
-- Forget series.
delete from series where id in {list_int:series} and last_at < :before
