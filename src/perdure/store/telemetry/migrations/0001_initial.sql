-- What was seen of runs.  A database of its own, so that it never slows what runs.
--
-- Moments are milliseconds since 1970 (UTC); those of spans, as OpenTelemetry has them, nanoseconds.  Rows
-- stand in the order in which they came, so the oldest stand together, and are forgotten together.

-- One row for each environment.  It is locked while lines are added, so their numbers have no gaps and are
-- in the order of the commits: who reads on from a number misses nothing.
create table feeds (
    id {serial},
    environment text not null unique,
    lines {int8} not null,               -- how many it ever had: the number of the last
    dropped {int8} not null              -- lines and spans that came too fast for workers to send
) {strict};

-- What lines and spans are about: a run, or a trace of another program that no run is known of.
create table subjects (
    id {serial},
    feed {int8} not null,
    name text not null,                  -- run_… or trace_…
    task text,
    lines {int8} not null,               -- how many it ever had: the number of the last
    spans {int8} not null,
    spans_dropped {int8} not null,       -- over the limit
    last_at {int8} not null,
    unique (name, feed)
) {strict};

create table log_lines (
    feed {int8} not null,
    number {int8} not null,              -- 1, 2, 3, … within the environment
    subject {int8} not null,
    line {int8} not null,                -- 1, 2, 3, … within the subject
    attempt {int8} not null,             -- 0: of none
    time {int8} not null,
    level text not null,                 -- debug, info, warning or error
    source text not null,                -- logger, logging, stdout, stderr, perdure or otlp
    message text not null,
    properties text,                     -- a JSON object
    place text,                          -- file:line
    span {int8},                         -- the user's span that it was said in
    primary key (feed, number)
) {clustered};

create index log_lines_of_subject on log_lines (subject, line);
create index log_lines_by_time on log_lines (feed, time, number);

-- Ids are the 64 bits of OpenTelemetry's, as a signed number.
create table spans (
    subject {int8} not null,
    id {int8} not null,
    parent {int8},
    attempt {int8} not null,             -- 0: of none
    source text not null,                -- span (ours) or otlp
    name text not null,
    started_ns {int8} not null,
    ended_ns {int8},
    is_error {int8} not null,
    message text,                        -- of the error
    attributes text,                     -- a JSON object
    place text,
    primary key (subject, id)
) {clustered};

-- Numbers that other programs measure: one series for each name and set of attributes.
create table series (
    id {serial},
    feed {int8} not null,
    name text not null,
    unit text not null,
    attributes text not null,            -- a JSON object
    last_at {int8} not null,
    unique (feed, name, attributes)
) {strict};

create table points (
    series {int8} not null,
    time {int8} not null,
    value {float8} not null,
    primary key (series, time)
) {clustered};
