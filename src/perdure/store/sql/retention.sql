-- name: lock_old_runs
-- Runs that ended before a moment, and whose failure waits for nobody, the oldest first.
select r.id, r.environment, r.task, r.idempotency_key from runs as r
 where r.id > :after and r.id < :below and r.finished_at < :before
   and not exists (select 1 from dead_letters as l where l.run = r.id and l.redriven_at is null)
 order by r.id
 limit :limit
{skip_locked}

-- name: live_runs_of
-- Those of some runs that have not ended.
select id from runs where id in {list:runs} and finished_at is null

-- name: delete_runs
-- Forget runs.
delete from runs where id in {list:runs}

-- name: delete_packets
-- Forget what runs were given and gave.
delete from packets where run in {list:runs}

-- name: delete_tags
-- Forget the tags of runs.
delete from run_tags where run in {list:runs}

-- name: delete_attempts
-- Forget the attempts of runs.
delete from attempts where run in {list:runs}

-- name: delete_events
-- Forget what happened to runs.
delete from run_events where run in {list:runs}

-- name: delete_snapshots
-- Forget the stored states of runs.
delete from snapshots where run in {list:runs}

-- name: delete_waits
-- Forget what runs waited for.
delete from waits where run in {list:runs}

-- name: delete_expired_trigger_keys
-- Forget some keys whose time is over.
delete from trigger_keys
 where hash in (
           select hash from trigger_keys
            where expires_at <= :now
            order by expires_at
            limit :limit
           {skip_locked})

-- name: delete_old_workers
-- Forget workers that nobody has heard of since a moment.
delete from workers where last_seen_at < :before

-- name: delete_cancels_of_gone_workers
-- Forget what workers that are gone were to stop.
delete from cancels where not exists (select 1 from workers as w where w.id = cancels.worker)

-- name: old_tokens
-- Some tokens that were completed before a moment, and that no stored state waits for.
select id from tokens
 where completed_at < :before
   and not exists (select 1 from waits as w where w.subject = tokens.id and w.kind = 'token' and w.due_at is null)
 order by id
 limit :limit

-- name: delete_token_tags
-- Forget the tags of tokens.
delete from token_tags where token in {list:tokens}

-- name: delete_tokens
-- Forget tokens.
delete from tokens where id in {list:tokens}

-- name: delete_wakes_of_gone_workers
-- Forget what workers that are gone were told to go on with.
delete from wakes where worker not in (select id from workers)
