"""A ledger in a folder, what can be done to it, and the sentence with which it is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from digest.errors import StateRefusedError
from digest.store.opening import reading
from digest.store.places import StatePlace
from tests.support.ledgers import Clock, Post, opened, plan, scope, sender

if TYPE_CHECKING:
    from pathlib import Path


def ledger_of(folder: Path) -> Path:
    """A ledger in which one message was sent, and enough is kept to fill many pages."""
    with opened(folder) as store:
        run = plan(store, "ana", document=bytes(range(256)) * 400)
        sender(store, Clock(), [Post()]).send(scope(run))
    return folder / "digest.db"


def refused(folder: Path) -> str:
    with pytest.raises(StateRefusedError) as caught, opened(folder):
        pass
    assert caught.value.exit_code == 78
    return str(caught.value)


def refused_to_look(folder: Path) -> str:
    with pytest.raises(StateRefusedError) as caught, reading(StatePlace(path=folder / "digest.db")):
        pass
    return str(caught.value)


def change(path: Path, start: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(content)


def damage_table(path: Path, table: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        (page,) = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
    change(path, (page - 1) * 4096, b"\xff" * 4096)
