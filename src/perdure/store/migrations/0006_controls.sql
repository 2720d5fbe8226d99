-- Dead letters: runs that failed for good, where their task or queue asks to keep them for people.

-- Which tasks and queues ask for it, as the code that is live says.
create table dead_letter_sources (
    environment text not null,
    kind text not null,                  -- task or queue
    name text not null,
    primary key (environment, kind, name)
) {clustered};

create table dead_letters (
    run text primary key,
    environment text not null,
    task text not null,
    queue text not null,
    status text not null,
    failed_at {int8} not null,
    redriven_at {int8},                  -- since when it is off the list, for a new run
    redriven_as text
) {strict};

create index dead_letters_by_time on dead_letters (environment, failed_at, run);

-- Debounce keys: the delayed run that further triggers with the key only push back.
create table debounces (
    environment text not null,
    task text not null,
    key text not null,
    run text not null,
    first_at {int8} not null,            -- when the first of its triggers came
    forget_at {int8} not null,           -- when the row is of no more use; its run has long begun
    primary key (environment, task, key)
) {clustered};

create index debounces_by_end on debounces (forget_at);

-- A child that its parent waits for runs on its parent's version, unless the trigger says otherwise; such a
-- lock is let go once no worker of that version is there.
alter table runs add column is_locked_with_parent {int8} not null default 0;

create index runs_locked_with_parent on runs (environment, locked_version)
 where place is not null and is_locked_with_parent = 1;
