-- name: lock_environment
-- One environment, for claims: they take turns.
select * from environments where id = :id {for_update}

-- name: manifests
-- Tasks of a version, by name.
select * from tasks where environment = :environment and version = :version and task in {list:tasks}

-- name: version_tasks
-- All tasks of a version.
select * from tasks where environment = :environment and version = :version order by task

-- name: current_version
-- The version of the worker that connected last with new code.
select current_version from environments where id = :id
