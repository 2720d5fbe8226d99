-- Runs that wait: their stored states, what each waits for, and the tokens that people complete.

alter table runs add column snapshot {int8};              -- the one to go on from; null: the top
alter table runs add column is_mid_attempt {int8} not null default 0;  -- the attempt goes on after a wait
alter table runs add column is_awaited {int8} not null default 0;      -- somebody waits for its end
-- The version whose workers alone may go on with its stored state; '' if any may try.
alter table runs add column kept_version text not null default '';

create index runs_kept on runs (environment, kept_version)
 where place is not null and kept_version <> '' and locked_version = '' and snapshot is not null;

create table snapshots (
    run text not null,
    number {int8} not null,
    kind text not null,                  -- wait or checkpoint
    key text,                            -- of a checkpoint
    data text,                           -- JSON that the task stored with a checkpoint
    attempt {int8} not null,
    stored {bytes} not null,             -- the coroutine, signed by the worker; opaque here
    frames {bytes} not null,             -- a JSON list of wire.waits.FrameView, packed by store.frames
    changes text,                        -- of a replay: wire.waits.Changes as JSON
    created_at {int8} not null,
    primary key (run, number)
) {strict};

-- What a snapshot waits for; a time is over at due_at.
create table waits (
    run text not null,
    snapshot {int8} not null,
    kind text not null,                  -- time, token or run
    subject text not null,
    due_at {int8},
    primary key (run, snapshot, kind, subject)
) {clustered};

-- Nobody asks who waits for a time: it has an alarm.
create index waits_by_subject on waits (subject, kind) where due_at is null;

-- Runs that wait in memory and may go on; told to their workers until they have heard it.
create table wakes (
    worker text not null,
    run text not null,
    fence {int8} not null,
    id text not null,
    primary key (worker, run)
) {clustered};

create table tokens (
    id text primary key,
    environment text not null,
    created_at {int8} not null,
    timeout_at {int8},
    completed_at {int8},
    completed_by text,                   -- key, public token, callback or timeout
    output text,
    output_type text,
    idempotency_key text,
    key_expires_at {int8}
) {strict};

create index tokens_by_environment on tokens (environment, id);
create unique index tokens_by_key on tokens (environment, idempotency_key) where idempotency_key is not null;

create table token_tags (
    environment text not null,
    tag text not null,
    token text not null,
    primary key (environment, tag, token)
) {clustered};

create index token_tags_by_token on token_tags (token);
