"""The one writer: a thread that commits what is asked of it, together what comes together.

A result is given only after its commit is durable. What can't be written for want of room fails
at once, but a result of something that already happened (`must`) is kept and tried again until
it is written. After an I/O error nobody knows what is on the disk, so nothing more is written.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from digest.errors import (
    DigestError,
    StateBusyError,
    StateRefusedError,
    StoreError,
    UnsureError,
)
from digest.store.sqlite import WRITES, damaged

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

Result = TypeVar("Result")

_FULL = frozenset({sqlite3.SQLITE_FULL})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY = 0xFF  # the rest of SQLite's extended codes says where it happened
_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)  # seconds between two tries of what must be written
_MOST_TOGETHER = 256
_COUNT_SENT = text(
    "UPDATE meta SET value = CAST(CAST(value AS INTEGER) + :more AS TEXT) "
    "WHERE name = 'sent' RETURNING value"
)

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
        self._thread = threading.Thread(target=self._run, name="digest-writer", daemon=True)
        self._thread.start()

    def submit(
        self, work: Callable[[Batch], Result], *, must: bool = False, patience: float = 0.0
    ) -> Future[Result]:
        """Have the work done and committed; the future has its result after that.

        With `patience` (seconds) its commit may wait so long for company; a sync costs the same
        for one as for many. It fails with StateBusyError when it can be tried later, else with
        StoreError.
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
        with self._engine.connect().execution_options(**{WRITES: True}) as connection:
            while self._work_off(connection):
                pass

    def _work_off(self, connection: Connection) -> bool:
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
        self._write(connection, batch)
        return task is not None

    def _write(self, connection: Connection, batch: list[_Task[Any]]) -> None:
        if not batch:
            return
        try:
            self._commit(connection, batch)
        except Exception as error:  # noqa: BLE001 — goes to whoever asked
            said = _translated(error, self._place)
            if isinstance(said, (UnsureError, StateRefusedError)):
                self._broken = said
            if len(batch) > 1 and self._broken is None:
                # One by one, so that only the culprit fails; what must be written comes last,
                # because it may have to be waited for.
                for task in sorted(batch, key=lambda one: one.must):
                    self._write(connection, [task])
                return
            self._fail(connection, batch, said)

    def _commit(self, connection: Connection, batch: list[_Task[Any]]) -> None:
        if self._broken is not None:
            raise self._broken
        held = Batch(connection)
        try:
            with connection.begin():
                results = [task.work(held) for task in batch]
                count = self._count(held)
        except BaseException:
            if connection.invalidated:
                connection.rollback()
            raise
        if count is not None and self._on_sent is not None:
            try:
                self._on_sent(count)
            except UnsureError as error:  # what is committed stays so; nothing comes after it
                self._broken = error
        for task, result in zip(batch, results, strict=True):
            task.result.set_result(result)

    def _count(self, batch: Batch) -> int | None:
        if not batch.sent:
            return None
        return int(batch.connection.execute(_COUNT_SENT, {"more": batch.sent}).scalar_one())

    def _fail(self, connection: Connection, batch: list[_Task[Any]], error: Exception) -> None:
        for task in batch:
            last = error
            if task.must and isinstance(last, StateBusyError):
                written, last = self._insist(connection, task, last)
                if written:
                    continue
            task.result.set_exception(last)

    def _insist(
        self, connection: Connection, task: _Task[Any], error: Exception
    ) -> tuple[bool, Exception]:
        """Try again what must be written; meanwhile everything else is refused."""
        logger.warning("%s", error, extra={"action": "ledger_waits"})
        for turn in range(10**9):
            if self._give_up.wait(_PAUSES[min(turn, len(_PAUSES) - 1)]):
                break
            self._refuse_others(error)
            try:
                self._commit(connection, [task])
            except Exception as again:  # noqa: BLE001 — as above
                error = _translated(again, self._place)
                if isinstance(error, (UnsureError, StateRefusedError)):
                    self._broken = error
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


def _translated(error: Exception, place: str) -> Exception:
    """What a failure of the database means, in a sentence."""
    if isinstance(error, DigestError):
        return error
    if not isinstance(error, DBAPIError) or isinstance(error, IntegrityError):
        logger.debug("the ledger's work broke here", exc_info=error)
        return StoreError(f"the ledger's work failed ({type(error).__name__}); a defect of digest")
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is None:
        return _postgres(error, place)
    if code & _PRIMARY in _FULL:
        return StateBusyError(f"{place}: its disk is full; nothing is sent until there is room")
    if code & _PRIMARY in _BUSY:
        return StateBusyError(f"{place}: another program holds the database; try again")
    name = getattr(error.orig, "sqlite_errorname", "an error")
    if code & _PRIMARY in _DAMAGED:
        return damaged(place, name)
    return UnsureError(
        f"{place}: {name}; it is not known what was written, so nothing more is sent. Look at the "
        "disk, then run digest again"
    )


def _postgres(error: DBAPIError, place: str) -> StoreError:
    if error.connection_invalidated:
        return StateBusyError(f"{place}: the connection was lost; try again")
    return StoreError(f"{place}: the database refused ({type(error.orig).__name__})")
