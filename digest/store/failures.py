"""What a failure of the database means, in a sentence, and whether later may work."""

from __future__ import annotations

import logging
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from digest.errors import DigestError, StateBusyError, StateRefusedError, StoreError, UnsureError
from digest.store.places import is_short

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine
    from sqlalchemy.engine.interfaces import ExceptionContext

WRITES = "digest_writes"
"""The execution option of the writer's connection: its transactions take the write lock at once,
and its errors stay as they are, because the writer has to know more than a sentence."""

_PRIMARY = 0xFF  # the rest of SQLite's extended codes says where it happened

# Beginnings of PostgreSQL's SQLSTATE codes after which the same may work later: no connection, no
# room, ended or starting up, a deadlock, a lock that is held, a server that is only a copy.
_PASSING = ("08", "53", "57P", "40", "55P03", "25006")

logger = logging.getLogger(__name__)


def when_writing(error: Exception, place: str) -> Exception:
    """The error for whoever asked for the writing. What is not the database's is a defect."""
    if isinstance(error, DigestError):
        return error
    if not isinstance(error, DBAPIError) or isinstance(error, IntegrityError):
        logger.debug("the ledger's work broke here", exc_info=error)
        return StoreError(f"the ledger's work failed ({type(error).__name__}); a defect of digest")
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is None:
        return _of_the_server(error, place)
    name = getattr(error.orig, "sqlite_errorname", "an error")
    match code & _PRIMARY:
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return _passing(place, code & _PRIMARY)
        case sqlite3.SQLITE_CANTOPEN:  # its journal, before anything was written
            return _passing(place, code & _PRIMARY)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return damaged(place, name)
        case _:
            pass
    return UnsureError(
        f"{place}: {name}; it is not known what was written, so nothing more is sent. Look at the "
        "disk, then run digest again"
    )


def when_reading(error: DBAPIError, place: str) -> StoreError:
    """The error for whoever wanted to look something up, or to begin."""
    if getattr(error.orig, "sqlite_errorcode", None) is None:
        return _of_the_server(error, place)
    return of_a_file(place, error.orig)


def explain_reading(engine: Engine, place: str) -> None:
    """From now on whoever reads through this engine is told in a sentence what failed."""
    event.listen(engine, "handle_error", _explaining(place))


def _explaining(place: str) -> Callable[[ExceptionContext], BaseException | None]:
    def explain(context: ExceptionContext) -> BaseException | None:
        at = context.connection
        if at is not None and at.get_execution_options().get(WRITES):
            return None
        error = context.sqlalchemy_exception
        return when_reading(error, place) if isinstance(error, DBAPIError) else None

    return explain


def damaged(path: Path | str, why: str) -> StateRefusedError:
    """The error for a ledger that can't be trusted."""
    return StateRefusedError(
        f"the ledger {path} is damaged ({why}); it was left as it is. Put back a copy made with "
        "`digest backup`, then run: digest recover --accept-older-db"
    )


def of_a_file(path: Path | str, error: BaseException | None) -> StateRefusedError | StateBusyError:
    """What an error of SQLite's means before anything was begun."""
    name = str(getattr(error, "sqlite_errorname", type(error).__name__))
    match code := getattr(error, "sqlite_errorcode", 0) & _PRIMARY:
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return _passing(path, code)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_ERROR if _none_can_be_opened(path):
            return _passing(path, sqlite3.SQLITE_CANTOPEN)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return StateRefusedError(
                f"the ledger {path} can't be written (read-only?), and without it nothing is sent"
            )
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return damaged(path, name)
        case _:
            pass
    return StateRefusedError(f"the ledger {path} can't be used: {name}")


def _passing(path: Path | str, code: int) -> StateBusyError:
    match code:
        case sqlite3.SQLITE_FULL:
            said = "its disk is full; nothing is sent until there is room"
        case sqlite3.SQLITE_CANTOPEN:
            said = "no file can be opened or made beside it; nothing is sent until one can"
        case _:
            said = "another program holds the database; try again"
    return StateBusyError(f"{path}: {said}")


def _none_can_be_opened(path: Path | str) -> bool:
    """Whether it is for want of file handles, inodes or room that SQLite can't open a file."""
    try:
        with tempfile.TemporaryFile(dir=Path(path).parent):
            return False
    except OSError as error:
        return is_short(error)


def _of_the_server(error: DBAPIError, place: str) -> StoreError:
    if error.connection_invalidated:
        return StateBusyError(f"{place}: the connection was lost; try again")
    state = getattr(error.orig, "sqlstate", None)
    kind = type(error.orig).__name__
    if state is None and isinstance(error, OperationalError):
        return StateBusyError(f"{place}: the database can't be reached ({kind}); try again")
    if state is not None and state.startswith(_PASSING):
        return StateBusyError(f"{place}: the database can't do it now ({kind}); try again")
    return StoreError(f"{place}: the database refused ({kind})")
