-- name: bidders
-- Some workers of an environment, and whether there is news for each.
select w.*,
       exists (select 1 from cancels where cancels.worker = w.id)
       or exists (select 1 from wakes where wakes.worker = w.id) as has_news
  from workers as w
 where w.environment = :environment and w.id in {list:ids}

-- name: see_worker
-- Note that a worker lives.
update workers set last_seen_at = :now where id = :id and environment = :environment and disconnected_at is null

-- name: take_cancels
-- What workers must stop; told once.
delete from cancels where worker in {list:workers} returning worker, run, fence

-- name: insert_cancels
-- Tell workers what to stop.
insert into cancels (worker, run, fence)
select r.worker, r.run, r.fence from {rows:cancels(worker text, run text, fence int8)} as r
 where true
    on conflict do nothing

-- name: insert_worker
-- Note a worker that connects.
insert into workers (id, environment, version, name, host, pid, python_version, perdure_version,
                     concurrency, problems, connected_at, last_seen_at)
values (:id, :environment, :version, :name, :host, :pid, :python_version, :perdure_version,
        :concurrency, :problems, :connected_at, :last_seen_at)

-- name: disconnect_worker
-- Note that a worker left.
update workers set disconnected_at = :now
 where id = :id and environment = :environment and disconnected_at is null

-- name: connected_workers
-- The workers of an environment that are connected and were heard of lately, with what each holds.
select w.*,
       (select count(*) from runs as r where r.lease_until is not null and r.worker = w.id) as running
  from workers as w
 where w.environment = :environment and w.disconnected_at is null and w.last_seen_at >= :since
 order by w.id

-- name: problems_of_version
-- What did not import, as the worker of a version that connected last told.
select problems from workers
 where environment = :environment and version = :version
 order by connected_at desc, id desc
 limit 1
