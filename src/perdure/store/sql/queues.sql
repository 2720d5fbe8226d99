-- name: upsert_queues
-- Define queues as the code does.
insert into queues (environment, name, concurrency_limit, created_at)
select r.environment, r.name, r.concurrency_limit, r.created_at
  from {rows:queues(environment text, name text, concurrency_limit int8, created_at int8)} as r
 where true
    on conflict (environment, name) do update
   set concurrency_limit = excluded.concurrency_limit

-- name: queues
-- The queues of an environment, by name.
select * from queues where environment = :environment order by name
