-- Schedules: when tasks run by themselves.

create table schedules (
    id text primary key,
    environment text not null,
    task text not null,
    is_declared {int8} not null,         -- whether code declares it; else the API made it
    is_active {int8} not null,
    deduplication_key text,
    external_id text,
    cron text not null,
    timezone text not null,
    spread text,                         -- how far ticks are spread: 30m, 2h, 30%
    missed text not null,                -- wire.schedules.Missed
    max_catch_up {int8} not null,
    overlap text not null,               -- wire.schedules.Overlap
    created_at {int8} not null,
    updated_at {int8} not null,
    next_at {int8},                      -- the next tick; null while it is not active
    due_at {int8},                       -- when that fires: the tick, spread
    last_at {int8},                      -- the last tick that fired
    held text not null                   -- a JSON list of ticks that wait for the end of older runs
) {strict};

create index schedules_by_environment on schedules (environment, id);
create unique index schedules_by_key on schedules (environment, deduplication_key)
    where deduplication_key is not null;
create index schedules_due on schedules (due_at, id) where due_at is not null;
create index schedules_holding on schedules (id) where held <> '[]';

create index runs_by_schedule on runs (schedule, id) where schedule is not null;
create index runs_live_by_schedule on runs (schedule) where schedule is not null and finished_at is null;
