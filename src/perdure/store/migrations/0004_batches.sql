-- Batches: many runs triggered as one, and what became of each item.

create table batches (
    id text primary key,
    environment text not null,
    created_at {int8} not null,
    updated_at {int8} not null,
    run_count {int8} not null,           -- how many items it is to have
    received {int8} not null,            -- how many of them are here
    failed {int8} not null,              -- how many of these became no run
    watched {int8} not null,             -- the runs of all items after this one have ended
    sealed_at {int8},                    -- since when all are here
    completed_at {int8},                 -- since when all their runs have ended
    aborted_at {int8},                   -- since when it is given up: the rest never came
    parent text,                         -- the run that triggered it
    is_awaited {int8} not null,          -- whether that run waits for it
    idempotency_key text                 -- as the user wrote it
) {strict};

create table batch_items (
    batch text not null,
    position {int8} not null,
    task text not null,
    run text,                            -- null: it became none
    error text,                          -- why
    error_code text,
    primary key (batch, position)
) {clustered};

create index batch_items_by_run on batch_items (run) where run is not null;

-- Batches to look at, as the run of an item has ended that was watched.
create table batch_looks (
    batch text not null,
    position {int8} not null,
    primary key (batch, position)
) {clustered};
