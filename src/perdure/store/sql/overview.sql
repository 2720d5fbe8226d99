-- name: count_live_runs
-- Runs that have not ended, by environment and status.
select e.slug, r.status, count(*) as number
  from runs as r
  join environments as e on e.id = r.environment
 where r.finished_at is null
 group by e.slug, r.status
 order by e.slug, r.status

-- name: count_ready
-- Runs that may start, by environment and queue.
select e.slug, l.queue, cast(sum(l.ready) as {int8}) as number
  from lanes as l
  join environments as e on e.id = l.environment
 group by e.slug, l.queue
 order by e.slug, l.queue

-- name: count_running
-- Runs that hold a slot, by environment and queue.
select e.slug, p.queue, cast(sum(p.running) as {int8}) as number
  from pools as p
  join environments as e on e.id = p.environment
 where p.queue is not null
 group by e.slug, p.queue
 order by e.slug, p.queue

-- name: count_workers
-- Workers that are connected, by environment.
select e.slug, count(*) as number
  from workers as w
  join environments as e on e.id = w.environment
 where w.disconnected_at is null
 group by e.slug
 order by e.slug

-- name: ping
-- The simplest question.
select 1 as one
