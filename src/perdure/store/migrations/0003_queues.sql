-- Queues: limits across their keys, rates, overrides and pauses.

alter table environments add column burst_factor {float8} not null default 1;
alter table environments add column paused_at {int8};

alter table queues add column total_limit {int8};            -- over all concurrency keys
alter table queues add column rate_limit {int8};             -- so many runs may start …
alter table queues add column rate_period_ms {int8};         -- … in each period of this length
alter table queues add column rate_burst {int8};             -- at once, after a quiet time
alter table queues add column rate_per_key {int8} not null default 0;
alter table queues add column limit_override {int8};         -- instead of concurrency_limit, until it is reset
alter table queues add column overridden_at {int8};
alter table queues add column paused_at {int8};

create index queues_gated on queues (environment, name)
 where paused_at is not null or total_limit is not null or rate_limit is not null;

-- What queues are measured by that have a limit or a rate over all their keys.
create table queue_meters (
    environment text not null,
    queue text not null,
    running {int8} not null,             -- a cache: how many runs are held under a lease
    full_at {int8},                      -- since when these are as many as may be
    spent_until {int8},                  -- microseconds: when all that the rate gave in advance is earned
    closed_until {int8},                 -- when the rate gives the next run, if one waits for that
    primary key (environment, queue)
) {clustered};

create index queue_meters_closed on queue_meters (closed_until) where closed_until is not null;

alter table pools add column is_metered {int8} not null default 0;  -- whether its queue has a meter
alter table pools add column spent_until {int8};             -- as of queue_meters, where each key has its rate
alter table pools add column closed_until {int8};

create index pools_closed on pools (closed_until) where closed_until is not null;

-- A lane is out of sight while its pool is full, or closed and nobody in it goes on with an attempt.
alter table lanes rename column full_at to closed_at;
alter table lanes add column resumed {int8} not null default 0;  -- a cache: how many of `ready` go on with an attempt
update lanes set resumed = (
    select count(*) from runs where runs.lane = lanes.id and runs.place is not null and runs.is_mid_attempt = 1);
update lanes set kind = id;  -- a kind is of one queue now

create index runs_resumed_by_place on runs (lane, place, id) where place is not null and is_mid_attempt = 1;
create index lanes_resumed on lanes (environment, kind, virtual_time, id) where resumed > 0 and closed_at is null;
