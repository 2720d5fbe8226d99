"""What the rest of Perdure may ask of a database.

Open one with `await open_database(url)` (`perdure.store.connect`).  It is SQLite
or PostgreSQL; nobody outside `store` can tell which.

**A transaction is a coroutine function that awaits nothing but its `tx`.**

    async def cancel(tx: Tx, run_id: str, *, now: int) -> bool:
        changed = await tx.run("cancel_run", id=run_id, now=now)
        tx.hint("runs")                     # after the commit, wake who waits for it
        return changed == 1

    canceled = await db.transact(cancel, run_id, now=clock.now())

`transact` answers after the commit.  If the body raises, its writes are undone
and the caller gets the error.  A body

- awaits only methods of its `tx` (on SQLite it runs in the writer's thread, and
  anything else raises `TransactionSuspended`);
- **may run more than once** (PostgreSQL: deadlock, lost connection), so it
  changes nothing but the database, and returns what the caller needs;
- does not catch `ConstraintViolated` and go on: PostgreSQL has given the
  transaction up by then.  Say `on conflict` in the statement instead;
- is short.  On SQLite all writers share one thread, which commits everything
  that arrived during the last commit as one group: a transaction costs a
  savepoint and its share of one `fsync`.  On PostgreSQL it holds a pooled
  connection, at isolation level *read committed*.

`read` is the same for bodies that only read.  They run beside the writer and see
what is committed.  SQLite shows one moment to the whole body; on PostgreSQL each
statement sees the moment it started, so what must agree is asked in one
statement.  Writing in a `read` is a defect; SQLite raises.

Cancelling the caller of `transact` leaves open whether the commit happened.

**Statements** stand in `sql/*.sql` under a name and are asked for by that name;
see `perdure.store.statements` for how to write them.  Parameters are keywords,
checked for missing and unknown ones.  Values are `str`, `int`, `float`, `bytes`
and `None`; lists where the statement says `{list:…}`; lists of mappings where it
says `{rows:…}`.

    rows = await tx.all("runs_of_batch", batch=batch_id)    # [] if there are none
    row = await tx.one("run", id=run_id)                    # raises NoSuchRow
    row = await tx.maybe("run", id=run_id)                  # or None
    count = await tx.run("delete_old_runs", before=then)    # rows changed
    await tx.many("insert_tag", [{"run": r, "tag": t} for t in tags])

Prefer one statement over `{rows:…}` to `many`: it is one round trip and one
statement whatever the number of rows.  `many` is for statements that can't (a
`limit` for each row).

**A row** has `row["column"]`, `row[0]`, `len`, iteration over its values and
`keys()`; so `Run(*row)` (columns in the order of the fields, fastest) and
`Run(**row)` both make a dataclass of it.

**Hints** say that a channel *may* have something new; tables are truth.  A hint
can be lost, come late or come for nothing, so each waiter also looks again after
a timeout of its own.

    with db.hints.subscribe("runs", "timers") as subscription:
        while True:
            work = await db.read(look)
            ...
            woken = await subscription.wait(timeout=5.0)    # channels; empty: time is up

Who looks by a transaction waits with `ride` instead: where one process does all the writing (SQLite), the
look then runs under the commit that hints it, and is answered with it.

            seen = await db.ride(subscription, look, argument, timeout=5.0)  # None: look yourself
"""

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, Self, TypeAlias, TypeVar

from perdure.core.storage_errors import NoSuchRow, StatementInvalid
from perdure.store.hints import Hints, Subscription

A = TypeVar("A")
T = TypeVar("T")
P = ParamSpec("P")

Dialect: TypeAlias = Literal["sqlite", "postgres"]
"""Which SQL a database speaks.  Only the files of `store` may ask."""

Body: TypeAlias = Callable[Concatenate["Tx", P], Coroutine[Any, Any, T]]
"""A transaction: `async def body(tx, …)`, awaiting nothing but its `tx`."""

Look: TypeAlias = Callable[["Tx", Sequence[A]], Coroutine[Any, Any, Sequence[T | None]]]
"""A transaction for all who ask at once: takes their arguments, gives an answer for each, in order.

None leaves it to who asked to look by themselves.
"""


class Row(Protocol):
    """One row of an answer: by column name, by position, or spread into a call."""

    def __getitem__(self, key: Any, /) -> Any:
        """The value of the column with this name or position."""
        ...

    def __len__(self) -> int:
        """How many columns there are."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the values, in the order of the columns."""
        ...

    def keys(self) -> Any:
        """The column names."""
        ...


class Tx(Protocol):
    """A transaction under way; the first argument of every function in `store`."""

    async def all(self, name: str, /, **params: object) -> list[Row]:
        """Run the statement `name` and return all its rows."""
        ...

    async def one(self, name: str, /, **params: object) -> Row:
        """Run the statement `name` and return its only row.

        Raises `NoSuchRow` if there is none, and `StatementInvalid` if there are
        several.
        """
        row = await self.maybe(name, **params)
        if row is None:
            raise NoSuchRow(statement=name, parameters=params)
        return row

    async def maybe(self, name: str, /, **params: object) -> Row | None:
        """Run the statement `name` and return its only row, or None.

        Raises `StatementInvalid` if there are several.
        """
        rows = await self.all(name, **params)
        if len(rows) > 1:
            raise StatementInvalid(
                statement=name, problem=f"it found {len(rows)} rows where one was asked for"
            )
        return rows[0] if rows else None

    async def run(self, name: str, /, **params: object) -> int:
        """Run the statement `name` and return how many rows it changed."""
        ...

    async def many(self, name: str, rows: Sequence[Mapping[str, object]], /) -> list[Row]:
        """Run the statement `name` once for each set of parameters.

        Returns the rows of a `returning` clause, in the order of the
        parameters; without one, an empty list.
        """
        ...

    def hint(self, *channels: str) -> None:
        """Wake who waits for these channels, after the commit and only then."""
        ...


class Database(Protocol):
    """An open, migrated database.  Also an async context manager that closes it."""

    dialect: Dialect
    hints: Hints

    async def transact(self, body: Body[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `body(tx, *args, **kwargs)` as one transaction; return after the commit.

        Raises whatever the body raises, with its writes undone;
        `TransactionSuspended` if it awaited anything but its `tx`;
        `DatabaseUnavailable` if the database can't be used and nothing was
        written; `CommitUnknown` if it did not confirm the commit.
        """
        ...

    async def read(self, body: Body[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `body(tx, *args, **kwargs)`, which only reads, beside the writers."""
        ...

    async def peek(self, body: Body[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the same for a few rows found by their keys: they take less time than a hop to a thread."""
        return await self.read(body, *args, **kwargs)

    async def ride(
        self,
        subscription: Subscription,
        look: Look[A, T],
        argument: A,
        *,
        timeout: float,
        unheard: Callable[[T], None] | None = None,
    ) -> T | None:
        """Wait for a hint, and let a look ride along with the transaction that gives it, if that can be.

        Args:
            subscription: the channels to wait for.
            look: what to do then; where several wait with the same look, it is done once for all of them.
            argument: what the look is given for this one.
            timeout: seconds after which to give up.
            unheard: is told what the look gave if the caller went away meanwhile.

        Returns:
            What the look gave, which is committed; None if there was a hint and no look, or the time is up:
            then look yourself.  So it is where each transaction has a connection of its own.
        """
        await subscription.wait(timeout)
        return None

    async def close(self) -> None:
        """Finish what was accepted, then release connections and threads."""
        ...

    async def __aenter__(self) -> Self:
        """Return the database itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Close the database."""
        await self.close()
