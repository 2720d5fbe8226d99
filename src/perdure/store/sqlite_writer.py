"""The thread that writes to SQLite, and commits in groups.

SQLite has one writer at a time, and a commit costs an `fsync`.  So one thread
owns the writing connection: all transactions that arrived while the last commit
was under way run one after another inside the next one, each in a savepoint of
its own, and are answered together after it.  Alone, a transaction waits for
nobody and needs no savepoint.

Looks that wait for what these transactions hint ride along, in the same commit
(`perdure.store.riding`).
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from perdure.core.storage_errors import DatabaseUnavailable
from perdure.store.database import Look
from perdure.store.hints import Hints
from perdure.store.riding import Ride, Rides
from perdure.store.sqlite_tx import SQLiteTx, drive, explain
from perdure.store.statements import Statements

Begin: TypeAlias = Callable[[SQLiteTx], Coroutine[Any, Any, Any]]

GROUP = 256
"""The most transactions in one commit: bounds how long the first waits for the last."""


class Job:
    """One transaction on its way through the writer."""

    __slots__ = ("begin", "channels", "error", "result")

    def __init__(self, begin: Begin) -> None:
        """Hold the transaction's body."""
        self.begin = begin
        self.result: Any = None
        self.error: BaseException | None = None
        self.channels: set[str] = set()

    @property
    def is_unwanted(self) -> bool:
        """Whether nobody waits for it any more."""
        return False

    def answer(self) -> None:
        """Tell who waits."""
        raise NotImplementedError


class Asked(Job):
    """One that was submitted."""

    __slots__ = ("future",)

    def __init__(self, begin: Begin, future: asyncio.Future[Any]) -> None:
        """Hold the body, and the future of who waits for it."""
        super().__init__(begin)
        self.future = future

    @property
    def is_unwanted(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.future.cancelled()

    def answer(self) -> None:
        """Tell who waits, unless they have gone."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Along(Job):
    """A look that rides along, for all who wait for it."""

    __slots__ = ("rides",)

    def __init__(self, look: Look[Any, Any], rides: Sequence[Ride]) -> None:
        """Hold the look and who waits for it."""
        super().__init__(lambda tx: look(tx, [ride.argument for ride in rides]))
        self.rides = rides

    def answer(self) -> None:
        """Tell who waits; if it failed, they look themselves, and meet the error."""
        seen = self.result if self.error is None else [None] * len(self.rides)
        for ride, one in zip(self.rides, seen, strict=True):
            ride.answer(one)


class Writer:
    """Runs transactions for one event loop in a thread of its own."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        statements: Statements,
        hints: Hints,
        rides: Rides,
        *,
        database: str,
    ) -> None:
        """Take over this connection; call it from the event loop.

        Args:
            connection: open, in no transaction, used by nobody else.
            statements: what bodies may ask for.
            hints: told of the channels of what was committed.
            rides: who rides along.
            database: what to call the database in an error.
        """
        self._connection = connection
        self._statements = statements
        self._hints = hints
        self._rides = rides
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._gathered: list[Job] = []
        self._arrived: queue.SimpleQueue[list[Job]] = queue.SimpleQueue()
        self._start()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._serve, name="perdure-sqlite-writer", daemon=True)
        self._thread.start()

    def submit(self, begin: Begin) -> asyncio.Future[Any]:
        """Queue a transaction; the future is answered after its commit."""
        if self._closed:
            raise DatabaseUnavailable(database=self._database, reason="it is closed")
        future: asyncio.Future[Any] = self._loop.create_future()
        if not self._gathered:
            # Callers that wake in the same turn of the loop go into one group.
            self._loop.call_soon(self._flush)
        self._gathered.append(Asked(begin, future))
        return future

    async def close(self) -> None:
        """Finish what was submitted, then end the thread and close the connection."""
        if self._closed:
            return
        self._closed = True
        self._flush()
        self._arrived.put([])
        await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def _flush(self) -> None:
        if self._gathered:
            self._arrived.put(self._gathered)
            self._gathered = []

    def _serve(self) -> None:
        while group := self._arrived.get():
            ended = self._take_more(group)
            self._commit(group)
            self._loop.call_soon_threadsafe(self._answer, group)
            if ended:
                return

    def _take_more(self, group: list[Job]) -> bool:
        """Add what has arrived since to the group; return whether the end was among it."""
        while len(group) < GROUP and not self._arrived.empty():
            jobs = self._arrived.get()
            if not jobs:
                return True
            group += jobs
        return False

    def _commit(self, group: list[Job]) -> None:
        """Run a group as one commit, and note each one's result; what rides along is added to it."""
        alone = len(group) == 1
        try:
            self._connection.execute("begin immediate")
            for job in group:
                if alone:
                    self._run(job)
                else:
                    self._run_among_others(job)
            self._take_along(group)
            self._connection.execute("rollback" if alone and group[0].error else "commit")
        except sqlite3.Error as error:
            self._fail(group, error)

    def _take_along(self, group: list[Job]) -> None:
        """Run the looks that wait for what was hinted, and those that wait for what these hint."""
        hinted = set[str]().union(*(job.channels for job in group))
        while hinted and not self._hints.muted:
            looks = [Along(look, rides) for look, rides in self._rides.take(hinted).items()]
            for one in looks:
                group.append(one)
                self._run_among_others(one)
            hinted = set[str]().union(*(one.channels for one in looks))

    def _run_among_others(self, job: Job) -> None:
        if job.is_unwanted:
            return
        self._connection.execute("savepoint body")
        self._run(job)
        if job.error is not None:
            self._connection.execute("rollback to body")
        self._connection.execute("release body")

    def _run(self, job: Job) -> None:
        tx = SQLiteTx(self._connection, self._statements, self._database)
        try:
            job.result = drive(job.begin(tx))
            job.channels = tx.channels
        except BaseException as error:  # the caller's to handle, whatever it is
            job.error = error
        if not self._connection.in_transaction:
            raise sqlite3.OperationalError("the transaction was given up; is the disk full?") from job.error

    def _fail(self, group: list[Job], error: sqlite3.Error) -> None:
        """Nothing of the group was committed: tell each who waits."""
        if self._connection.in_transaction:
            self._connection.execute("rollback")
        for job in group:
            job.channels = set()
            if job.error is None:
                job.error = explain(error, self._database)
                job.error.__cause__ = error

    def _answer(self, group: list[Job]) -> None:
        channels: set[str] = set()
        for job in group:
            channels |= job.channels
            job.answer()
        self._hints.publish(channels)
        _heed(group)


def _heed(group: list[Job]) -> None:
    """Let those who rode along know of no hint that came before their look."""
    later: set[str] = set()
    for job in reversed(group):
        later |= job.channels
        if isinstance(job, Along) and job.error is None:
            for ride in job.rides:
                ride.subscription.heed(later)
