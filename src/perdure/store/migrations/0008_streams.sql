-- Streams: what runs write for those who watch them, and what is sent to runs.

create table streams (
    id {serial},
    environment text not null,
    run text not null,
    key text not null,                   -- the user's name; of an input, `$trigger.input:` before it
    created_at {int8} not null,
    length {int8} not null,              -- how many chunks there are: the number of the next
    bytes {int8} not null,
    attempt {int8} not null,             -- the one that wrote last; 0: somebody else did
    attempt_from {int8} not null,        -- its first chunk
    taken {int8} not null                -- of an input: how many chunks the run has taken
) {strict};

create unique index streams_by_run on streams (run, key);

-- Chunks, as they were appended: many in one row, each a line of JSON.
create table stream_blocks (
    stream {int8} not null,
    last {int8} not null,                -- the number of its last chunk
    first {int8} not null,
    time {int8} not null,
    attempt {int8} not null,
    data text not null,
    primary key (stream, last)
) {strict};

-- How far each writer is, so that what it sends again is stored once.
create table stream_writers (
    stream {int8} not null,
    writer text not null,
    length {int8} not null,
    primary key (stream, writer)
) {clustered};

-- Who takes what of an input.  A run that goes on from a stored state asks again under the same key, and
-- gets the same.
create table input_takes (
    stream {int8} not null,
    key text not null,
    token text,                          -- that the run waits for
    chunk {int8},                        -- the number of what it got; null while it waits
    primary key (stream, key)
) {clustered};

create index input_takes_open on input_takes (stream, token) where chunk is null;
