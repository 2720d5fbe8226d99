-- name: family
-- The runs that descend from one, the oldest first.
select * from runs where root = :root order by id limit :limit

-- name: checkpoints
-- The checkpoints of some runs, without their states.
select run, number, key, attempt, created_at from snapshots
 where run in {list:runs} and kind = 'checkpoint'
 order by run, number
