"""A copy of the ledger: whole, consistent, and made beside a sender that goes on."""

from __future__ import annotations

import itertools
import sqlite3
import stat
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from digest.errors import StateBusyError, StateRefusedError
from digest.store import sqlite
from tests.support.ledgers import Clock, Post, opened, plan, scope, sender, states

if TYPE_CHECKING:
    from pathlib import Path


def test_a_copy_is_a_ledger(tmp_path: Path) -> None:
    with opened(tmp_path / "state") as store:
        run = plan(store, "ana")
        size = sqlite.copy(tmp_path / "state" / "digest.db", tmp_path / "digest.db")
    assert size == (tmp_path / "digest.db").stat().st_size
    assert stat.S_IMODE((tmp_path / "digest.db").stat().st_mode) == 0o600
    with opened(tmp_path) as store:
        assert states(store, run) == {"ana": "planned"}


def test_a_copy_takes_the_place_of_an_older_one_and_of_what_one_left_behind(tmp_path: Path) -> None:
    with opened(tmp_path):
        (tmp_path / "copy").write_text("an older copy")
        (tmp_path / ".copy.part").write_text("of a process that was killed")
        sqlite.copy(tmp_path / "digest.db", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes()[:15] == b"SQLite format 3"
    assert not (tmp_path / ".copy.part").exists()


def test_a_copy_that_fails_leaves_the_older_one(tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("an older copy")
    with pytest.raises(StateRefusedError):
        sqlite.copy(tmp_path / "none.db", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "an older copy"
    assert [file.name for file in tmp_path.iterdir()] == ["copy"]


def test_a_copy_of_what_another_program_holds_is_put_off_and_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as store:
        plan(store, "ana")
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.2)
    with closing(sqlite3.connect(tmp_path / "digest.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateBusyError, match="another program holds"):
            sqlite.copy(tmp_path / "digest.db", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("damage", [slice(4 * 4096, 8 * 4096), slice(100, 4096)])
def test_a_damaged_ledger_does_not_take_the_place_of_a_good_copy(
    tmp_path: Path, damage: slice
) -> None:
    with opened(tmp_path) as store:
        plan(store, "ana", document=b"x" * 50_000)
    sqlite.copy(tmp_path / "digest.db", tmp_path / "copy")
    good = (tmp_path / "copy").read_bytes()
    content = bytearray(good)
    content[damage] = b"\xff" * (damage.stop - damage.start)
    (tmp_path / "digest.db").write_bytes(content)
    with pytest.raises(StateRefusedError, match="is damaged"):
        sqlite.copy(tmp_path / "digest.db", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == good


def test_a_copy_that_is_made_while_others_write_is_whole(tmp_path: Path) -> None:
    done = threading.Event()
    with opened(tmp_path) as store:

        def write() -> None:
            for number in itertools.count():
                if done.is_set():
                    return
                run = plan(store, f"reader{number}", period=f"{number}", document=b"x" * 20_000)
                sender(store, Clock(), [Post()]).send(scope(run))

        writing = threading.Thread(target=write)
        writing.start()
        try:
            copies = []
            for number in range(5):
                copies.append(tmp_path / f"copy{number}")
                sqlite.copy(tmp_path / "digest.db", copies[-1])
        finally:
            done.set()
            writing.join()
    counts = []
    for copy in copies:
        with closing(sqlite3.connect(copy)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
            (sent,) = database.execute("SELECT value FROM meta WHERE name = 'sent'").fetchone()
            (noted,) = database.execute(
                "SELECT count(*) FROM deliveries WHERE state = 'sent'"
            ).fetchone()
            assert int(sent) == noted, "the count and what it counts are of one instant"
            counts.append(noted)
    assert counts == sorted(counts)


@pytest.mark.parametrize("name", ["100%25", "#1", "what?"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    with opened(folder) as store:
        plan(store, "ana")
    sqlite.copy(folder / "digest.db", tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy")) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    assert "deliveries" in tables
