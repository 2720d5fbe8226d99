"""What can go wrong.

PerdureError
├── Invalid                  400  the request cannot be understood
│   ├── BadOption                 an option has a value it can't have
│   ├── UnknownOption             an option has a name that there is not
│   ├── BadDuration               a text is no duration
│   ├── Unstorable                a value that no database can hold
│   ├── BadMetadata               a change of metadata can't be made
│   └── BadSetting                a setting has an unknown name or a bad value
├── Unauthorized             401  no key, or a wrong one
│   ├── NoSecretKey               the client has no key to send
│   └── KeyRefused                the server does not know the client's key
├── Forbidden                403  the key or token does not allow this
├── NotFound                 404  a run, task, queue … that does not exist
├── TooLarge                 413  more than the limit
├── Unprocessable            422  understood, but can't be done
│   ├── IllegalTransition         the run is not in a state that allows this
│   ├── LeaseLost                 another worker owns this run now
│   ├── TokenUsed                 a one-time token has triggered before
│   └── TooManyTags               a run would have more tags than it may
├── TooManyRequests          429  the rate limit is used up
├── StorageError             503  the database can't be used
│   ├── DatabaseUnavailable       it can't be reached, has no room, or is locked
│   │   └── CommitUnknown         it did not confirm a commit
│   ├── DatabaseUnreadable        the file is no database, or is damaged
│   ├── DatabaseTooNew            a newer Perdure has migrated it
│   ├── DatabaseTooOld            the SQLite library or PostgreSQL server is too old
│   ├── MigrationChanged          a migration was edited after it was applied
│   └── StoreFault           500  a defect in Perdure's own use of the database
│       ├── StatementInvalid      a statement is misspelled or gets wrong parameters
│       ├── ConstraintViolated    a write broke a constraint of the schema
│       ├── NoSuchRow             a row that must be there is not
│       └── TransactionSuspended  a transaction awaited something other than itself
├── ServerStopping           503  the server stops; ask again
├── ServerUnreachable             no Perdure server answers
├── BadAnswer                     what answers is not a Perdure server
├── PortInUse                     another program listens on the server's port
├── ProjectUnloadable             a worker can't import the project at all
├── OutsideRun                    something of a run was used where no run is
└── TaskError                     raised by or for task code
    ├── AbortRun                  the task gives up: no retry
    ├── RunFailed                 a run that was waited for did not succeed
    ├── PayloadInvalid            the payload does not fit the task's parameters
    └── OutputInvalid             the result can't be written as JSON

The message is the first paragraph of the class's docstring, filled in with the facts the error was
raised with; `code` is stable and is what programs compare.
"""

import inspect


class PerdureError(Exception):
    """Something went wrong."""

    code = "error"
    status = 500

    def __init__(self, message: str | None = None, **facts: object) -> None:
        """Build the message from the docstring's first paragraph, or take the one given."""
        self.facts = facts
        super().__init__(message if message is not None else self._from_docstring(facts))

    @classmethod
    def _from_docstring(cls, facts: dict[str, object]) -> str:
        paragraph = inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0]
        return " ".join(paragraph.split()).format(**facts)


class Invalid(PerdureError):
    """The request cannot be understood."""

    code = "invalid"
    status = 400


class BadOption(Invalid):
    """Option {option} can't be {value!r}; it takes {expected}."""

    code = "bad_option"


class UnknownOption(Invalid):
    """There is no option {option}; {hint}."""

    code = "unknown_option"


class BadDuration(Invalid):
    """{duration} is no duration: use seconds (90), a text ("1h30m", units ms s m h d w) or a timedelta."""

    code = "bad_duration"


class BadMetadata(Invalid):
    """Metadata key {key} can't be changed: {reason}."""

    code = "bad_metadata"


class Unstorable(Invalid):
    """A value can't be stored: {problem}.

    A number of more than 64 bits, or a text with a NUL character.
    """

    code = "unstorable"


class BadSetting(Invalid):
    """Setting {setting} can't be used: {reason}."""

    code = "bad_setting"


class Unauthorized(PerdureError):
    """Invalid or missing API key."""

    code = "unauthorized"
    status = 401


class NoSecretKey(Unauthorized):
    """There is no secret key: set PERDURE_SECRET_KEY, or run `perdure dev` in this project once.

    `perdure dev` makes one and keeps it in .perdure/dev.key; a client also takes it as secret_key=….
    """

    code = "no_secret_key"


class KeyRefused(Unauthorized):
    """{reason}: {url} does not take the key {key}. Check PERDURE_SECRET_KEY and PERDURE_API_URL.

    `perdure dev` keeps the key of its environment in .perdure/dev.key, where clients find it by themselves.
    """

    code = "key_refused"


class Forbidden(PerdureError):
    """This key or token does not allow {action}."""

    code = "forbidden"
    status = 403


class NotFound(PerdureError):
    """There is no {kind} {name}."""

    code = "not_found"
    status = 404


class TooLarge(PerdureError):
    """{what} is {size} bytes; the limit is {limit}."""

    code = "too_large"
    status = 413


class Unprocessable(PerdureError):
    """This can't be done."""

    code = "unprocessable"
    status = 422


class IllegalTransition(Unprocessable):
    """A run that is {status} can't {on}."""

    code = "illegal_transition"


class LeaseLost(Unprocessable):
    """Run {run} is no longer held by this worker: its lease has passed on.

    What the worker reported was discarded.  If this repeats, the worker stalls for longer than its
    lease.
    """

    code = "lease_lost"


class TokenUsed(Unprocessable):
    """Cannot trigger {task} with a one-time use token as it has already been used."""

    code = "token_used"


class TooManyTags(Unprocessable):
    """Run {run} would have {count} tags; the most is {limit}."""

    code = "too_many_tags"


class TooManyRequests(PerdureError):
    """Too many requests; the next is allowed in {seconds} seconds."""

    code = "too_many_requests"
    status = 429


class StorageError(PerdureError):
    """The database can't be used: {reason}."""

    code = "storage"
    status = 503


class DatabaseUnavailable(StorageError):
    """Database {database} can't be used: {reason}. Check PERDURE_DATABASE_URL, and that it is running.

    Raised when it can't be reached, has no room, or is locked by another program for too long.  Nothing of
    the transaction was written.
    """

    code = "database_unavailable"


class CommitUnknown(DatabaseUnavailable):
    """{database} did not confirm a commit ({reason}): it may or may not have happened. Look before repeating.

    The connection was lost between sending the commit and its answer.
    """

    code = "commit_unknown"


class DatabaseUnreadable(StorageError):
    """{database} is no readable database: {reason}. Restore a backup, or change PERDURE_DATABASE_URL."""

    code = "database_unreadable"


class DatabaseTooNew(StorageError):
    """Database {database} is at version {found}; this Perdure knows {known}. Install a newer Perdure.

    A newer Perdure has migrated it, and migrations only go forward.
    """

    code = "database_too_new"


class DatabaseTooOld(StorageError):
    """{what} {found} is too old; Perdure needs {needed} or newer."""

    code = "database_too_old"


class MigrationChanged(StorageError):
    """Migration {migration} was edited after {database} had applied it.

    Use a new database, or the code that made this one.  A migration never changes once it is released;
    what comes later is a new migration.
    """

    code = "migration_changed"


class StoreFault(StorageError):
    """Perdure used its database wrongly: {problem}."""

    code = "store_fault"
    status = 500


class StatementInvalid(StoreFault):
    """Statement {statement!r}: {problem}."""

    code = "statement_invalid"


class ConstraintViolated(StoreFault):
    """Statement {statement!r} broke a constraint: {problem}."""

    code = "constraint_violated"


class NoSuchRow(StoreFault):
    """Statement {statement!r} found no row for {parameters}."""

    code = "no_such_row"


class TransactionSuspended(StoreFault):
    """Transaction {body} awaited something other than its tx; do that before or after the transaction."""

    code = "transaction_suspended"


class ServerStopping(PerdureError):
    """The server is stopping; ask again, and the next one will answer."""

    code = "server_stopping"
    status = 503


class PortInUse(PerdureError):
    """Port {port} of {host} can't be used ({reason}): free it, or choose another with --port."""

    code = "port_in_use"


class ServerUnreachable(PerdureError):
    """No Perdure server answers at {url} ({reason}): start one with `perdure dev`, or set PERDURE_API_URL."""

    code = "server_unreachable"


class BadAnswer(PerdureError):
    """What answered {endpoint} is not a Perdure server, or another version of it: {reason}"""

    code = "bad_answer"


class ProjectUnloadable(PerdureError):
    """The project can't be loaded: {reason}"""

    code = "project_unloadable"


class OutsideRun(PerdureError):
    """{what} is only there inside a run: use it in a task, or in what a task calls."""

    code = "outside_run"


class TaskError(PerdureError):
    """The task failed."""

    code = "task_error"


class AbortRun(TaskError):
    """The task gave up.

    Raise it in a task to fail the run at once, however many attempts are left.
    """

    code = "task_aborted"


class RunFailed(TaskError):
    """Run {run} of task {task} ended as {status}: {error}"""

    code = "run_failed"


class PayloadInvalid(TaskError):
    """The payload does not fit task {task}: {problems}"""

    code = "payload_invalid"


class OutputInvalid(TaskError):
    """Task {task} returned what can't be written as JSON: {reason}"""

    code = "output_invalid"
