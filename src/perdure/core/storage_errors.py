"""What can go wrong with the database.

StorageError                 503  the database can't be used
├── DatabaseUnavailable       it can't be reached, has no room, or is locked
│   └── CommitUnknown         it did not confirm a commit
├── DatabaseUnreadable        the file is no database, or is damaged
├── DatabaseTooNew            a newer Perdure has migrated it
├── DatabaseTooOld            the SQLite library or PostgreSQL server is too old
├── MigrationChanged          a migration was edited after it was applied
└── StoreFault           500  a defect in Perdure's own use of the database
    ├── StatementInvalid      a statement is misspelled or gets wrong parameters
    ├── ConstraintViolated    a write broke a constraint of the schema
    ├── NoSuchRow             a row that must be there is not
    └── TransactionSuspended  a transaction awaited something other than itself
"""

from perdure.core.errors import PerdureError


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
