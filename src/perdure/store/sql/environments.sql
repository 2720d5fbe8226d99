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

-- name: insert_environment
-- Make an environment, unless its project has one of this slug.
insert into environments (id, slug, type, project, key, current_version, concurrency_limit, created_at)
values (:id, :slug, :type, :project, :key, null, :concurrency_limit, :created_at)
    on conflict (project, slug) do nothing

-- name: insert_version
-- Note a version of the code.
insert into versions (environment, version, code_hash, created_at)
values (:environment, :version, :code_hash, :created_at)
    on conflict do nothing

-- name: insert_tasks
-- Note the tasks of a version.
insert into tasks (environment, version, task, manifest)
select r.environment, r.version, r.task, r.manifest
  from {rows:tasks(environment text, version text, task text, manifest text)} as r
 where true
    on conflict do nothing

-- name: set_current_version
-- New runs are made for this version from now on.
update environments set current_version = :version where id = :id

-- name: environments
-- All environments.
select * from environments order by project, slug

-- name: environment_of_key
-- The environment that a secret key opens.
select * from environments where key = :key

-- name: environment_of_id
-- One environment.
select * from environments where id = :id

-- name: environment_of_slug
-- A project's environment, by its name.
select * from environments where project = :project and slug = :slug

-- name: set_environment_key
-- Another key opens the environment from now on.
update environments set key = :key where id = :id

-- name: version_of_code
-- The version that stands for this state of the code.
select version from versions where environment = :environment and code_hash = :code_hash

-- name: count_versions_of_day
-- How many versions were made on a day, as their names tell.
select count(*) as number from versions where environment = :environment and version like :pattern
