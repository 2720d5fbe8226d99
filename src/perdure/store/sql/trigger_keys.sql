-- name: claim_trigger_keys
-- Take keys that are free; waits for another transaction that takes the same.
insert into trigger_keys (environment, task, kind, key, run, expires_at)
select r.environment, r.task, r.kind, r.key, r.run, r.expires_at
  from {rows:keys(environment text, task text, kind text, key text, run text, expires_at int8)} as r
 where true
    on conflict do nothing

-- name: trigger_key_holders
-- Who has these keys, and how that run stands.
select k.environment, k.task, k.kind, k.key, k.run, k.expires_at, runs.status
  from {rows:keys(environment text, task text, kind text, key text)} as r
  join trigger_keys as k
    on k.environment = r.environment and k.task = r.task and k.kind = r.kind and k.key = r.key
  left join runs on runs.id = k.run

-- name: take_trigger_keys
-- Give keys whose time is over, or whose run failed, to new runs.
update trigger_keys set run = r.run, expires_at = r.expires_at
  from {rows:keys(environment text, task text, kind text, key text, run text, expires_at int8,
        old_run text)} as r
 where trigger_keys.environment = r.environment and trigger_keys.task = r.task
   and trigger_keys.kind = r.kind and trigger_keys.key = r.key and trigger_keys.run = r.old_run
returning trigger_keys.task, trigger_keys.kind, trigger_keys.key

-- name: delete_trigger_key
-- Free a key.
delete from trigger_keys where environment = :environment and task = :task and kind = :kind and key = :key
