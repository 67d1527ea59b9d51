"""The one writer: a thread that commits what is asked of it, together what comes together.

A result is given only after its commit is durable. What can't be written for want of room fails
at once, but a result of something that already happened (`must`) is kept and tried again until
it is written. After an I/O error nobody knows what is on the disk, so nothing more is written.

A lost connection is made anew with the next work. Where a server's was lost while committing, the
server is asked whether the commit came about.
"""

from __future__ import annotations

import itertools
import logging
import math
import sqlite3
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy.exc import DBAPIError

from digest.errors import StateBusyError, StateRefusedError, StoreError, UnsureError
from digest.store.failures import WRITES, when_writing
from digest.store.identity import count_sent
from digest.store.receipts import Receipts, UnknownCommitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

Result = TypeVar("Result")

_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)  # seconds between two tries of what must be written
_ASKED = 30.0  # seconds for which a server is asked about a commit, unless it must be known
_MOST_TOGETHER = 256

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """One transaction. Work that records a message as sent adds to `sent`."""

    connection: Connection
    sent: int = 0


@dataclass(frozen=True, slots=True)
class _Task(Generic[Result]):
    work: Callable[[Batch], Result]
    must: bool
    until: float
    result: Future[Result] = field(default_factory=Future)


def _end_transaction(connection: Connection) -> None:
    """A commit of SQLite's that found the database held leaves its transaction open."""
    inside = connection.connection.dbapi_connection
    if inside is not None:
        with suppress(DBAPIError, sqlite3.Error):
            inside.rollback()


class Writer:
    """Runs work in transactions, in the order in which it was asked for."""

    def __init__(
        self, engine: Engine, place: str, on_sent: Callable[[int], None] | None = None
    ) -> None:
        """`on_sent` is given the count of sent messages after each commit that raised it."""
        self._engine = engine
        self._place = place
        self._on_sent = on_sent
        self._tasks: SimpleQueue[_Task[Any] | None] = SimpleQueue()
        self._broken: StoreError | None = None
        self._give_up = threading.Event()
        self._connection: Connection | None = None
        self._receipts = Receipts(engine.dialect.name)
        self._thread = threading.Thread(target=self._run, name="digest-writer", daemon=True)
        self._thread.start()

    def submit(
        self, work: Callable[[Batch], Result], *, must: bool = False, patience: float = 0.0
    ) -> Future[Result]:
        """Have the work done and committed; the future has its result after that.

        With `patience` (seconds) its commit may wait so long for company; a sync costs the same
        for one as for many. It fails with StateBusyError when it can be tried later, else with
        StoreError. A server that stays away while it commits leaves open whether the work was
        done: look before you ask for it again.
        """
        task = _Task(work, must, time.monotonic() + patience)
        self._tasks.put(task)
        return task.result

    def do(self, work: Callable[[Batch], Result], *, must: bool = False) -> Result:
        """The same, waited for."""
        return self.submit(work, must=must).result()

    @property
    def broken(self) -> StoreError | None:
        """Why nothing more is written, if that is so."""
        return self._broken

    def stop_waiting(self) -> None:
        """Give up what must be written and can't be: the process has to end."""
        self._give_up.set()

    def close(self) -> None:
        """Write what was asked for, then end."""
        self._tasks.put(None)
        self._thread.join()

    def _run(self) -> None:
        while self._work_off():
            pass
        with suppress(DBAPIError):
            if self._connection is not None:
                self._receipts.end(self._connection)
        self._let_go()

    def _work_off(self) -> bool:
        """One batch; whether there may be another."""
        batch: list[_Task[Any]] = []
        task = self._tasks.get()
        until = math.inf
        while task is not None:
            batch.append(task)
            until = min(until, task.until)
            if len(batch) == _MOST_TOGETHER:
                break
            try:
                task = self._tasks.get(timeout=max(until - time.monotonic(), 0.0))
            except Empty:
                break
        self._write(batch)
        return task is not None

    def _write(self, batch: list[_Task[Any]]) -> None:
        if not batch:
            return
        try:
            self._commit(batch)
        except Exception as error:  # noqa: BLE001 — goes to whoever asked
            said = self._meaning(error)
            if len(batch) > 1 and self._broken is None and not isinstance(said, UnknownCommitError):
                # One by one, so that only the culprit fails; what must be written comes last,
                # because it may have to be waited for.
                for task in sorted(batch, key=lambda one: one.must):
                    self._write([task])
                return
            self._fail(batch, said)

    def _meaning(self, error: Exception) -> Exception:
        said = when_writing(error, self._place)
        if isinstance(said, (UnsureError, StateRefusedError)):
            self._broken = said
        return said

    def _commit(self, batch: list[_Task[Any]]) -> None:
        if self._broken is not None:
            raise self._broken
        connection = self._connected()
        held, turn = Batch(connection), 0
        results: list[Any] = []
        count: int | None = None
        try:
            with connection.begin():
                results = [task.work(held) for task in batch]
                count = count_sent(connection, held.sent) if held.sent else None
                turn = self._receipts.count(connection)
        except BaseException as error:
            lost = connection.invalidated
            if lost:
                self._let_go()
            else:
                _end_transaction(connection)
            if not (lost and turn and self._came_about(turn, batch, error)):
                raise
        if count is not None and self._on_sent is not None:
            try:
                self._on_sent(count)
            except UnsureError as error:  # what is committed stays so; nothing comes after it
                self._broken = error
        for task, result in zip(batch, results, strict=True):
            task.result.set_result(result)

    def _connected(self) -> Connection:
        if self._connection is None:
            made = self._engine.connect()
            try:
                made = made.execution_options(**{WRITES: True})
                self._receipts.begin(made)
            except BaseException:
                made.close()
                raise
            self._connection = made
        return self._connection

    def _let_go(self) -> None:
        made, self._connection = self._connection, None
        if made is not None:
            with suppress(DBAPIError):
                made.close()

    def _came_about(self, turn: int, batch: list[_Task[Any]], error: BaseException) -> bool:
        """Ask the server about a commit whose answer was lost, until it says so."""
        logger.warning("%s: asking about a commit", self._place, extra={"action": "ledger_asks"})
        until = math.inf if any(task.must for task in batch) else time.monotonic() + _ASKED
        said: Exception = StateBusyError(f"{self._place}: the connection was lost; try again")
        for pause in itertools.chain(_PAUSES, itertools.repeat(_PAUSES[-1])):
            try:
                found = self._receipts.has(self._connected(), turn)
            except (DBAPIError, StoreError) as again:
                self._let_go()
                said = when_writing(again, self._place)
            else:
                if found is None:
                    break
                return found
            self._refuse_others(said)
            if time.monotonic() > until or self._give_up.wait(pause):
                break
        raise UnknownCommitError(f"{said}; whether the last work was done is not known") from error

    def _fail(self, batch: list[_Task[Any]], error: Exception) -> None:
        for task in batch:
            last = error
            if task.must and isinstance(last, StateBusyError):
                written, last = self._insist(task, last)
                if written:
                    continue
            task.result.set_exception(last)

    def _insist(self, task: _Task[Any], error: Exception) -> tuple[bool, Exception]:
        """Try again what must be written; meanwhile everything else is refused."""
        logger.warning("%s", error, extra={"action": "ledger_waits"})
        for turn in range(10**9):
            if self._give_up.wait(_PAUSES[min(turn, len(_PAUSES) - 1)]):
                break
            self._refuse_others(error)
            try:
                self._commit([task])
            except Exception as again:  # noqa: BLE001 — as above
                error = self._meaning(again)
                if not isinstance(error, StateBusyError):
                    break
            else:
                return True, error
        return False, error

    def _refuse_others(self, error: Exception) -> None:
        """Take no new work; only results are kept for later."""
        kept = []
        while True:
            try:
                task = self._tasks.get_nowait()
            except Empty:
                break
            if task is None or task.must:
                kept.append(task)
            else:
                task.result.set_exception(error)
        for task in kept:
            self._tasks.put(task)
