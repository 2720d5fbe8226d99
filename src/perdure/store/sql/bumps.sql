-- name: first_in_lane
-- The run that is first in a lane, and its place.
select id, place from runs where lane = :lane and place is not null order by place, id limit 1

-- name: serve_pool_next
-- Let a pool's turn be the next: as if it had been given less than any.
update pools set virtual_time = -1 where id = :pool

-- name: serve_lane_next
-- The same of a lane, among those of its pool.
update lanes set virtual_time = (select min(l.virtual_time) - 1 from lanes as l where l.pool = :pool)
 where id = :lane
