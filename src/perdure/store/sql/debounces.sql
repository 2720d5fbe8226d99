-- name: lock_debounces
-- Take keys that are free, and lock all of them; waits for another transaction that has one.
insert into debounces (environment, task, key, run, first_at, forget_at)
select r.environment, r.task, r.key, r.run, r.first_at, r.forget_at
  from {rows:keys(environment text, task text, key text, run text, first_at int8, forget_at int8)} as r
 where true
    on conflict (environment, task, key) do update set key = debounces.key
returning environment, task, key, run, first_at

-- name: write_debounces
-- Say which run has a key now, and since when.
update debounces set run = r.run, first_at = r.first_at, forget_at = r.forget_at
  from {rows:keys(environment text, task text, key text, run text, first_at int8, forget_at int8)} as r
 where debounces.environment = r.environment and debounces.task = r.task and debounces.key = r.key

-- name: update_debounced_runs
-- What a later trigger says of a run that has not begun.
update runs set max_attempts = r.max_attempts, max_duration_ms = r.max_duration_ms
  from {rows:runs(id text, max_attempts int8, max_duration_ms float8)} as r
 where runs.id = r.id

-- name: delete_old_debounces
-- Forget some keys whose run has long begun.
delete from debounces
 where (environment, task, key) in (
           select environment, task, key from debounces
            where forget_at <= :now
            order by forget_at
            limit :limit
           {skip_locked})
