-- What was seen of runs.  A database of its own, so that it never slows what runs.
--
-- Moments are milliseconds since 1970 (UTC).  Tables begin with the run, whose id begins with its time:
-- the oldest stand together, and are forgotten together.

-- One row for each run that has log lines.
create table logs (
    run text primary key,
    lines {int8} not null,               -- how many it ever had: the number of the last
    last_at {int8} not null
) {clustered};

create table log_lines (
    run text not null,
    number {int8} not null,              -- 1, 2, 3, … within the run, in the order of the commits
    attempt {int8} not null,
    time {int8} not null,
    level text not null,                 -- debug, info, warning or error
    source text not null,                -- logger, logging, stdout, stderr or perdure
    message text not null,
    properties text,                     -- a JSON object
    primary key (run, number)
) {clustered};
