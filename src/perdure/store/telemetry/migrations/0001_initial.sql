-- What was seen of runs.  A database of its own, so that it never slows what runs.
--
-- Moments are milliseconds since 1970 (UTC).

create table log_lines (
    sequence {serial},
    run text not null,
    attempt {int8} not null,
    time {int8} not null,
    level text not null,                 -- debug, info, warning or error
    source text not null,                -- logger, logging, stdout, stderr or perdure
    message text not null,
    properties text                      -- a JSON object
) {strict};

create index log_lines_by_run on log_lines (run, sequence);
create index log_lines_by_time on log_lines (time);
