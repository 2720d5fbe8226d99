-- name: claim_trigger_keys
-- Take keys that are free; waits for another transaction that takes the same.
insert into trigger_keys (hash, run, expires_at)
select r.hash, r.run, r.expires_at from {rows:keys(hash bytes, run text, expires_at int8)} as r
 where true
    on conflict do nothing

-- name: trigger_key_holders
-- Who has these keys, and how that run stands.
select k.hash, k.run, k.expires_at, runs.status
  from {rows:keys(hash bytes)} as r
  join trigger_keys as k on k.hash = r.hash
  left join runs on runs.id = k.run

-- name: take_trigger_keys
-- Give keys whose time is over, or whose run failed, to new runs.
update trigger_keys set run = r.run, expires_at = r.expires_at
  from {rows:keys(hash bytes, run text, expires_at int8, old_run text)} as r
 where trigger_keys.hash = r.hash and trigger_keys.run = r.old_run

-- name: delete_trigger_key
-- Free a key.
delete from trigger_keys where hash = :hash
