"""SQLite as the ledger needs it: durable, checked before it is used, never begun anew by mistake.

The rollback journal with `synchronous=EXTRA` is chosen over WAL: 3.7.0 to 3.51.2 can damage a
WAL database (sqlite.org, "WAL-reset bug"), and we write little.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import URL, create_engine, event, text
from sqlalchemy.exc import DatabaseError

from digest.errors import StateBusyError, StateRefusedError
from digest.store import schema
from digest.store.failures import WRITES, damaged, explain_reading, of_a_file
from digest.store.places import refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection, Engine

_MAGIC = b"SQLite format 3\0"
_PATIENCE = 60.0  # seconds that another program may hold the database
_CACHE_KB = 512  # pages kept in memory: enough for us, and the same however large it grows


def engine_of(path: Path) -> Engine:
    """An engine on one file; nothing is opened yet."""
    made = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        connect_args={"timeout": _PATIENCE, "check_same_thread": False, "isolation_level": None},
    )
    event.listen(made, "connect", _prepare)
    event.listen(made, "begin", _begin)
    return made


def _prepare(connection: Any, _record: object) -> None:
    for pragma in (
        "journal_mode=DELETE",
        "synchronous=EXTRA",
        "foreign_keys=ON",
        f"cache_size=-{_CACHE_KB}",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _begin(connection: Connection) -> None:
    # A transaction that reads first and then wants to write fails at once if another one wrote.
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def ready(path: Path, *, whole: bool) -> Engine:
    """The engine of a file that is there, looked at and of our schema.

    With `whole` every page is checked, and an older schema is migrated after a copy was made;
    that is for the one who holds the sender's lock. Raises StateRefusedError, and leaves the
    file as it is.
    """
    _look_at(path)
    engine = engine_of(path)
    try:
        with engine.connect().execution_options(**{WRITES: whole}) as connection:
            old = _is_old(path, connection)
            if whole:
                _check(connection, path)
            if old:
                _migrate(path, connection, allowed=whole)
    except StateRefusedError:
        engine.dispose()
        raise
    except DatabaseError as error:
        engine.dispose()
        raise of_a_file(path, error.orig) from None
    explain_reading(engine, str(path))
    return engine


def _is_old(path: Path, connection: Connection) -> bool:
    try:
        return schema.must_migrate(schema.revision(connection))
    except StateRefusedError as error:
        raise StateRefusedError(f"{path} can't be used: {error}") from None


def _migrate(path: Path, connection: Connection, *, allowed: bool) -> None:
    if not allowed:
        raise StateRefusedError(
            f"{path} can't be used: it has an older schema; digest run, once, brings it up to date"
        )
    try:
        _copy_beside(path, connection)
    except OSError as error:
        said = f"{path} can't be used: no copy can be made before its tables are changed"
        raise refused(error, f"{said}: {error.strerror}") from None
    schema.migrate(connection)
    connection.commit()


def _look_at(path: Path) -> None:
    """What SQLite itself would take for a new, empty database."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        raise refused(error, f"{path} can't be read: {error.strerror}") from None
    if start != _MAGIC:
        raise damaged(path, "it is empty" if not start else "its first bytes are not SQLite's")


def _check(connection: Connection, path: Path) -> None:
    found = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    if found != "ok":
        raise damaged(path, "its check failed")
    # Writing tells a read-only disk now, and not after the first message; nothing is changed.
    connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
    connection.rollback()


def create(path: Path, fill: Any) -> None:
    """Make a new database beside `path`, and put it there when it is whole and on the disk.

    `fill(connection)` writes its first rows. A process that is killed on the way leaves nothing
    that could be taken for a ledger.
    """
    new = path.with_name(f"{path.name}.new")
    for left_over in (new, path.with_name(f"{new.name}-journal")):
        left_over.unlink(missing_ok=True)
    engine = engine_of(new)
    try:
        new.touch(mode=0o600)
        with engine.connect().execution_options(**{WRITES: True}) as connection:
            schema.migrate(connection)
            fill(connection)
            connection.commit()
    except DatabaseError as error:
        raise of_a_file(path, error.orig) from None
    except OSError as error:
        raise refused(error, f"{path} can't be made: {error.strerror}") from None
    finally:
        engine.dispose()
    new.rename(path)
    sync_folder(path.parent)


def _copy_beside(path: Path, connection: Connection) -> None:
    """A copy from before a migration, named after the schema that it has."""
    found = schema.revision(connection)
    connection.rollback()
    copy(path, path.with_name(f"{path.name}.schema-{found}"))


def copy(path: Path, to: Path) -> int:
    """A consistent copy of a database, also while others write to it; gives its bytes.

    SQLite's online backup reads it as one transaction. The copy appears whole or not at all, and
    only when it is sound. Raises StateRefusedError for a damaged database, OSError otherwise.
    """
    part = to.with_name(f".{to.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    try:
        with (
            contextlib.closing(
                sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
            ) as source,
            contextlib.closing(sqlite3.connect(part)) as target,
        ):
            source.execute(f"PRAGMA busy_timeout={int(_PATIENCE * 1000)}")
            source.backup(target, progress=_patient(time.monotonic() + _PATIENCE), sleep=0.05)
            _check_copy(target, path)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(to)
    except sqlite3.Error as error:
        raise of_a_file(path, error) from None
    finally:
        part.unlink(missing_ok=True)
    sync_folder(to.parent)
    return to.stat().st_size


def _patient(end: float) -> Callable[[int, int, int], None]:
    """SQLite's backup tries a database that is held by another program for ever; we do not."""

    def told(status: int, _left: int, _total: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > end:
            raise StateBusyError("another program holds the ledger's database; try again")

    return told


def _check_copy(copied: sqlite3.Connection, path: Path) -> None:
    try:
        (found,) = copied.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError:
        found = "unreadable"
    if found != "ok":
        raise damaged(path, "its check failed")


def sync_folder(folder: Path) -> None:
    """Make a rename in it durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
