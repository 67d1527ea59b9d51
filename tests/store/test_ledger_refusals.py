"""Ledgers that must not be used: said in one sentence, exit code 78, and left as they were."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from digest.errors import StateRefusedError
from digest.store.opening import open_deciding, reading
from digest.store.places import StatePlace
from tests.store.refused import change, damage_table, ledger_of, refused, refused_to_look
from tests.support.ledgers import Clock, Post, opened, plan, scope, sender

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from digest.store.rows import Run

RECOVER = "digest recover --accept-older-db"


# Damaged


def empty(path: Path) -> None:
    path.write_bytes(b"")


def not_sqlite(path: Path) -> None:
    path.write_bytes(b"<!doctype html>\n" * 100)


def overwritten(path: Path) -> None:
    change(path, 0, b"\0" * 100)


def cut_off(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // 4096 * 4096)


def cut_off_in_the_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(50)


def a_page_of_zeros(path: Path) -> None:
    change(path, 4096, b"\0" * 4096)


def a_page_of_noise(path: Path) -> None:
    change(path, 2 * 4096, bytes(range(1, 255)) * 16)


@pytest.mark.parametrize(
    "damage",
    [
        empty,
        not_sqlite,
        overwritten,
        cut_off,
        cut_off_in_the_header,
        a_page_of_zeros,
        a_page_of_noise,
    ],
)
def test_a_damaged_ledger_is_refused_and_left_as_it_is(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    path = ledger_of(tmp_path)
    damage(path)
    before = path.read_bytes()
    said = refused(tmp_path)
    assert said.startswith(f"the ledger {path} is damaged (")
    assert said.endswith(
        "it was left as it is. Put back a copy made with `digest backup`, then run: "
        "digest recover --accept-older-db"
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (empty, "it is empty"),
        (not_sqlite, "its first bytes are not SQLite's"),
        (cut_off_in_the_header, "SQLITE_CORRUPT"),
    ],
)
def test_a_damaged_ledger_is_not_looked_into_either(
    tmp_path: Path, damage: Callable[[Path], None], why: str
) -> None:
    path = ledger_of(tmp_path)
    damage(path)
    assert why in refused_to_look(tmp_path)
    with pytest.raises(StateRefusedError, match=why):
        open_deciding(StatePlace(path=path), clock=Clock())


def test_damage_that_is_met_while_looking_is_said_as_such(tmp_path: Path) -> None:
    path = ledger_of(tmp_path)
    damage_table(path, "deliveries")
    with (
        pytest.raises(StateRefusedError, match=r"is damaged \(SQLITE_CORRUPT\)"),
        reading(StatePlace(path=path)) as found,
    ):
        pytest.fail(f"found {list(found.all_deliveries())}" if found else "found nothing")


def test_damage_that_is_met_while_deciding_is_said_as_such(tmp_path: Path) -> None:
    path = ledger_of(tmp_path)
    damage_table(path, "deliveries")
    store = open_deciding(StatePlace(path=path), clock=Clock())
    assert store is not None
    with pytest.raises(StateRefusedError, match=r"is damaged \(SQLITE_CORRUPT\)"), store:
        list(store.ledger.all_deliveries())


def test_a_ledger_that_does_not_say_whose_it_is_is_damaged(tmp_path: Path) -> None:
    path = ledger_of(tmp_path)
    damage_table(path, "meta")
    said = r"is damaged \(SQLITE_CORRUPT\)"
    with pytest.raises(StateRefusedError, match=said), reading(StatePlace(path=path)):
        pass
    with pytest.raises(StateRefusedError, match=said):
        open_deciding(StatePlace(path=path), clock=Clock())


# Somebody else's, newer, without tables


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "digest.db")) as database:
        database.execute("CREATE TABLE songs (title)")
    said = f"{tmp_path / 'digest.db'} can't be used: it has other tables than digest's"
    before = (tmp_path / "digest.db").read_bytes()
    assert refused(tmp_path) == said
    assert refused_to_look(tmp_path) == said
    assert (tmp_path / "digest.db").read_bytes() == before


def test_a_database_without_tables_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "digest.db")) as database:
        database.executescript("CREATE TABLE songs (title); DROP TABLE songs")
    before = (tmp_path / "digest.db").read_bytes()
    assert "can't be used" in refused(tmp_path)
    assert (tmp_path / "digest.db").read_bytes() == before


def test_a_ledger_of_a_newer_digest_is_refused_whoever_asks(tmp_path: Path) -> None:
    path = ledger_of(tmp_path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    said = (
        f"{path} can't be used: it was written by a newer digest (schema 9999); install that "
        "version again"
    )
    before = path.read_bytes()
    assert refused(tmp_path) == said
    assert refused_to_look(tmp_path) == said
    assert path.read_bytes() == before


# Older than it was, or gone


@pytest.fixture
def put_back(tmp_path: Path) -> tuple[Path, Run]:
    """A copy from before two messages were sent, in the place of the ledger."""
    path = tmp_path / "digest.db"
    with opened(tmp_path) as store:
        run = plan(store, "ana", "ben")
    shutil.copy(path, tmp_path / "copy")
    with opened(tmp_path) as store:
        sender(store, Clock(), [Post()]).send(scope(run))
    (tmp_path / "copy").replace(path)
    return path, run


def test_an_older_copy_is_refused(put_back: tuple[Path, Run]) -> None:
    path, _ = put_back
    assert refused(path.parent) == (
        f"the ledger {path} is older than it was: it knows of 0 sent messages, and 2 were "
        f"recorded. Put the newest copy back, or go on with this one: {RECOVER}"
    )


def test_a_ledger_of_another_installation_is_refused(tmp_path: Path) -> None:
    ledger_of(tmp_path / "one")
    ledger_of(tmp_path / "other")
    shutil.copy(tmp_path / "one" / "digest.db", tmp_path / "other" / "digest.db")
    assert "is older than it was" in refused(tmp_path / "other")


def test_a_ledger_that_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    path = ledger_of(tmp_path)
    path.unlink()
    said = (
        f"the ledger {path} is gone, though 1 messages were recorded in it; put it back, or begin "
        f"a new one with: {RECOVER}"
    )
    assert refused(tmp_path) == said
    assert refused_to_look(tmp_path) == said
    with pytest.raises(StateRefusedError, match="is gone"):
        open_deciding(StatePlace(path=path), clock=Clock())
    assert not path.exists()


def test_a_ledger_that_is_gone_and_had_sent_nothing_is_made_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        plan(store, "ana")
        install = store.ledger.install
    (tmp_path / "digest.db").unlink()
    with opened(tmp_path) as store:
        assert store.ledger.counts() == {}
        assert store.ledger.install != install


@pytest.mark.parametrize(
    "said",
    [
        b"not json",
        b"[]",
        b"{}",
        b'{"install": "x"}',
        b'{"install": "x", "sent": "many"}',
        b'{"install": "x", "sent": 1',
        b"\xff\xfe",
    ],
)
def test_when_it_is_not_known_how_far_the_ledger_had_come_it_is_refused(
    tmp_path: Path, said: bytes
) -> None:
    ledger_of(tmp_path)
    mark = tmp_path / "instance.json"
    mark.write_bytes(said)
    message = (
        f"{mark} can't be read, so it is not known whether the ledger is the newest one; put it "
        f"back, or say that it is with: {RECOVER}"
    )
    assert refused(tmp_path) == message
    (tmp_path / "digest.db").unlink()
    assert refused_to_look(tmp_path) == message
    assert mark.read_bytes() == said


def test_a_mark_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    ledger_of(tmp_path)
    (tmp_path / "instance.json").unlink()
    (tmp_path / "instance.json").mkdir()
    assert "instance.json can't be read" in refused(tmp_path)


@pytest.mark.parametrize("said", [b"", b"\0" * 256, b" " * 255 + b"\n"])
def test_a_mark_that_was_begun_and_never_written_says_nothing(tmp_path: Path, said: bytes) -> None:
    ledger_of(tmp_path)
    (tmp_path / "instance.json").write_bytes(said)
    with opened(tmp_path) as store:
        install = store.ledger.install
    found = json.loads((tmp_path / "instance.json").read_text())
    assert found == {"install": install, "sent": 1}
