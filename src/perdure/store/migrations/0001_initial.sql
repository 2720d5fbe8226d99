-- What runs, where it stands, and who holds it.
--
-- Moments are milliseconds since 1970 (UTC); a nullable moment says whether and when.  Packets,
-- manifests and errors are text that SQL never looks into.  Indexes on what changes often cover live
-- runs only.  `runs` has no foreign keys: the engine writes it in batches and checks before.

create table environments (
    id text primary key,
    slug text not null,
    type text not null,
    project text not null,
    key text not null unique,
    current_version text,                -- that of the worker that connected last with new code
    concurrency_limit {int8},            -- null: no limit
    created_at {int8} not null,
    unique (project, slug)
) {strict};

-- One immutable state of the user's code, and its tasks.
create table versions (
    environment text not null,
    version text not null,
    code_hash text not null,
    created_at {int8} not null,
    primary key (environment, version),
    unique (environment, code_hash)
) {strict};

create table tasks (
    environment text not null,
    version text not null,
    task text not null,
    manifest text not null,              -- wire.manifests.TaskManifest as JSON
    primary key (environment, version, task)
) {strict};

create table workers (
    id text primary key,
    environment text not null,
    version text not null,
    name text not null,
    host text not null,
    pid {int8} not null,
    python_version text not null,
    perdure_version text not null,
    concurrency {int8} not null,
    problems text not null,              -- a JSON list of wire.manifests.ImportProblem
    connected_at {int8} not null,
    last_seen_at {int8} not null,
    disconnected_at {int8},
    drained_at {int8}                    -- since when it is asked to finish and leave
) {strict};

create index workers_connected on workers (environment, id) where disconnected_at is null;

create table queues (
    environment text not null,
    name text not null,
    concurrency_limit {int8},            -- for each concurrency key; null: no limit
    created_at {int8} not null,
    primary key (environment, name)
) {strict};

-- Where runs that may start stand in line: one row for each (environment, queue, concurrency key,
-- task, locked version), so that what a worker can't run never stands before what it can.
create table lanes (
    id {int8} primary key,               -- a hash of those five
    environment text not null,
    queue text not null,
    concurrency_key text,
    task text not null,
    version text not null,               -- '' if the runs are not locked to one
    kind {int8} not null,                -- a hash of environment, task and version: who can run them
    pool {int8} not null,
    ready {int8} not null,               -- a cache: how many runs of this lane have a place
    virtual_time {float8} not null,      -- how much the lane was given; the least goes first
    full_at {int8}                       -- since when its pool has no slot; such a lane is not looked at
) {strict};

create index lanes_open on lanes (environment, kind, virtual_time, id) where ready > 0 and full_at is null;
create index lanes_of_pool on lanes (pool);

-- How many runs may run at once: one row for each (environment, queue, concurrency key), and one for
-- the whole environment, whose queue is null.
create table pools (
    id {int8} primary key,               -- a hash of those
    environment text not null,
    queue text,
    concurrency_key text,
    running {int8} not null,             -- a cache: how many runs are held under a lease
    virtual_time {float8} not null,      -- of an environment's: that of the lane served last
    full_at {int8}
) {strict};

create index pools_of_queue on pools (environment, queue);

create table runs (
    id text primary key,
    environment text not null,
    task text not null,
    queue text not null,
    concurrency_key text,
    locked_version text not null,        -- '' if any version may run it
    lane {int8} not null,
    pool {int8} not null,
    status text not null,

    place {int8},                        -- its order in the lane, if it stands there and may start
    priority {float8} not null,          -- seconds of head start
    created_at {int8} not null,
    updated_at {int8} not null,
    queued_at {int8},
    delayed_until {int8},
    due_at {int8},                       -- when its delay or back-off ends
    ttl_ms {int8},
    expires_at {int8},
    started_at {int8},
    finished_at {int8},

    worker text,                         -- who has the lease, or had it last
    lease_until {int8},
    fence {int8} not null,               -- grows with each claim
    version text,                        -- of the worker that claimed it last
    attempt {int8} not null,             -- how many began
    spared {int8} not null,              -- how many of these cost nothing: lost, or handed back
    losses {int8} not null,              -- how often its worker vanished
    max_attempts {int8},
    active_ms {float8} not null,         -- time spent running, over all ended attempts
    max_duration_ms {float8},
    machine text,

    parent text,
    root text,
    depth {int8} not null,
    batch text,
    replay_of text,
    schedule text,
    is_test {int8} not null,
    idempotency_key text,
    idempotency_key_options text,        -- wire.runs.KeyOptions as JSON
    region text,
    waited_by_parent {int8} not null,    -- whether its parent was triggered to wait for it
    events {int8} not null default 0     -- how many rows of run_events it has
) {strict};

create index runs_by_place on runs (lane, place, id) where place is not null;
create index runs_by_lease on runs (lease_until) where lease_until is not null;
create index runs_pending_version on runs (environment, task) where status = 'PENDING_VERSION';
create index runs_live on runs (environment, status) where finished_at is null;
create index runs_by_environment on runs (environment, id);
create index runs_by_parent on runs (parent, id) where parent is not null;
create index runs_by_root on runs (root, id) where root is not null;
create index runs_by_batch on runs (batch, id) where batch is not null;

-- What a run was given and gave: kind is payload, metadata, output or error.
create table packets (
    run text not null,
    kind text not null,
    type text not null,
    data text not null,
    primary key (run, kind)
) {strict};

create table run_tags (
    environment text not null,
    tag text not null,
    run text not null,
    primary key (environment, tag, run)
) {clustered};

create index run_tags_by_run on run_tags (run);

-- One try of a run: EXECUTING, then COMPLETED, FAILED, CANCELED, RELEASED or LOST.
create table attempts (
    run text not null,
    number {int8} not null,
    status text not null,
    worker text not null,
    version text not null,
    machine text,
    started_at {int8} not null,
    finished_at {int8},
    active_ms {float8},
    error text,                          -- wire.values.RunError as JSON
    retry_at {int8},
    primary key (run, number)
) {clustered};

-- What happened to runs.  A run's row is locked while its events are written, and counts them.
create table run_events (
    run text not null,
    number {int8} not null,              -- from 1, in the order of the commits
    time {int8} not null,
    kind text not null,                  -- one of core.lifecycle.On; runs.created_at tells the beginning
    attempt {int8},
    message text,
    primary key (run, number)
) {clustered};

-- Keys that make a trigger happen once, each as a hash (`store.keys`): nearly every run has one, its
-- request's, and the text of the user's own stands with its run or batch.
create table trigger_keys (
    hash {bytes} primary key,            -- of environment, task, kind and key
    run text not null,                   -- or batch
    expires_at {int8} not null
) {clustered};

create index trigger_keys_by_expiry on trigger_keys (expires_at);

-- Alarms.  The truth stands elsewhere (runs.due_at, runs.expires_at): an alarm whose moment is not
-- the one that stands there is void, so nobody needs to find and delete it.
create table timers (
    due_at {int8} not null,
    kind text not null,                  -- delay, retry, ttl, wake or token
    subject text not null,               -- the run, or the token
    primary key (due_at, kind, subject)
) {clustered};

-- What workers must stop; told at their next poll.
create table cancels (
    worker text not null,
    run text not null,
    fence {int8} not null,
    primary key (worker, run)
) {clustered};
