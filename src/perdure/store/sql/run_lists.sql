-- name: runs_before
-- A page of runs older than one, newest first.
select r.* from runs as r
 where r.environment = :environment and r.id < :cursor
   and (cast(:any_status as {int8}) = 1 or r.status in {list:statuses})
   and (cast(:any_task as {int8}) = 1 or r.task in {list:tasks})
   and (cast(:any_version as {int8}) = 1 or r.version in {list:versions} or r.locked_version in {list:versions})
   and (cast(:any_queue as {int8}) = 1 or r.queue in {list:queues})
   and (cast(:any_machine as {int8}) = 1 or r.machine in {list:machines})
   and (cast(:any_region as {int8}) = 1 or r.region in {list:regions})
   and (cast(:any_schedule as {int8}) = 1 or r.schedule in {list:schedules})
   and (cast(:any_batch as {int8}) = 1 or r.batch in {list:batches})
   and (cast(:any_root as {int8}) = 1 or r.root in {list:roots})
   and (cast(:any_parent as {int8}) = 1 or r.parent in {list:parents})
   and (cast(:any_tag as {int8}) = 1 or r.id in (
           select t.run from run_tags as t where t.environment = :environment and t.tag in {list:tags}))
   and r.is_test >= :least_test and r.is_test <= :most_test
   and r.created_at >= :since and r.created_at <= :until
 order by r.id desc
 limit :limit

-- name: runs_after
-- A page of runs newer than one, oldest first.
select r.* from runs as r
 where r.environment = :environment and r.id > :cursor
   and (cast(:any_status as {int8}) = 1 or r.status in {list:statuses})
   and (cast(:any_task as {int8}) = 1 or r.task in {list:tasks})
   and (cast(:any_version as {int8}) = 1 or r.version in {list:versions} or r.locked_version in {list:versions})
   and (cast(:any_queue as {int8}) = 1 or r.queue in {list:queues})
   and (cast(:any_machine as {int8}) = 1 or r.machine in {list:machines})
   and (cast(:any_region as {int8}) = 1 or r.region in {list:regions})
   and (cast(:any_schedule as {int8}) = 1 or r.schedule in {list:schedules})
   and (cast(:any_batch as {int8}) = 1 or r.batch in {list:batches})
   and (cast(:any_root as {int8}) = 1 or r.root in {list:roots})
   and (cast(:any_parent as {int8}) = 1 or r.parent in {list:parents})
   and (cast(:any_tag as {int8}) = 1 or r.id in (
           select t.run from run_tags as t where t.environment = :environment and t.tag in {list:tags}))
   and r.is_test >= :least_test and r.is_test <= :most_test
   and r.created_at >= :since and r.created_at <= :until
 order by r.id
 limit :limit
