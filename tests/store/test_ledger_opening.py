"""Opening the ledger: made when there is none, for one sender at a time, private to its user."""

from __future__ import annotations

import json
import os
import stat
import time
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryState as State
from digest.errors import StateBusyError, StateRefusedError
from digest.store.identity import identity
from digest.store.lock import SenderLock
from digest.store.opening import open_deciding, open_sender, reading
from digest.store.places import StatePlace
from tests.store.processes import holding
from tests.support.ledgers import Clock, Post, only, opened, plan, scope, sender, states

if TYPE_CHECKING:
    from pathlib import Path

    from digest.store.opened import Store
    from tests.store.databases import Ledgers


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


# Made, and opened again


def test_where_there_is_no_ledger_one_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "of" / "digest"
    with opened(folder) as store:
        assert store.recovered == 0
        assert store.restored_at is None
        assert store.ledger.counts() == {}
    assert files(folder) == ["digest.db", "digest.lock", "instance.json"]
    assert store.place.shown == str(folder / "digest.db")


def test_every_ledger_has_an_identity_of_its_own_for_good(ledgers: Ledgers, tmp_path: Path) -> None:
    first = ledgers.open()
    install = first.ledger.install
    first.close()
    assert ledgers.open().ledger.install == install
    with opened(tmp_path) as other:
        assert other.ledger.install != install
        assert len(other.ledger.install) == 16


def test_what_was_planned_is_there_when_it_is_opened_again(ledgers: Ledgers) -> None:
    first = ledgers.open()
    run = plan(first, "ana", document=b"the digest")
    first.close()
    second = ledgers.open()
    assert states(second, run) == {"ana": "planned"}
    assert second.ledger.parcel(only(second, run)).document == b"the digest"


def test_opening_a_ledger_leaves_it_as_it_is_where_there_is_nothing_to_do(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        plan(store, "ana")
    before = (tmp_path / "digest.db").read_bytes()
    with opened(tmp_path):
        pass
    assert (tmp_path / "digest.db").read_bytes() == before
    assert files(tmp_path) == ["digest.db", "digest.lock", "instance.json"]


def test_its_files_are_its_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    before = os.umask(0)
    try:
        with opened(folder) as store:
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
            run = plan(store, "ana")
            sender(store, Clock(), [Post()]).send(scope(run))
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes == {
        "digest.db": 0o600,
        "digest.lock": 0o600,
        "digest.lock.holder": 0o600,
        "instance.json": 0o600,
    }


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    with opened(tmp_path):
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


@pytest.mark.parametrize("pragma", ["journal_mode=delete", "synchronous=3", "foreign_keys=1"])
def test_sqlite_is_used_durably(tmp_path: Path, pragma: str) -> None:
    name, _, value = pragma.partition("=")
    with opened(tmp_path) as store, store.engine.connect() as connection:
        found = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
    assert str(found) == value


# One sender at a time


def test_a_second_sender_is_told_within_five_seconds_who_has_the_ledger(tmp_path: Path) -> None:
    with opened(tmp_path):
        began = time.monotonic()
        with pytest.raises(StateBusyError) as refused, opened(tmp_path):
            pass
        assert time.monotonic() - began < 5
    assert str(refused.value) == (
        f"process {os.getpid()} (a test) is using the ledger in {tmp_path}; nothing was sent here. "
        "Try again when it is done"
    )
    assert refused.value.exit_code == 75
    with opened(tmp_path):
        pass


def test_a_lock_dies_with_its_process_and_what_it_says_of_itself_is_replaced(
    tmp_path: Path,
) -> None:
    ledger = tmp_path / "digest.db"
    with holding(ledger) as process:
        said = json.loads((tmp_path / "digest.lock.holder").read_text())
        assert said == {"pid": process.pid, "command": "digest run monday-email"}
        with pytest.raises(StateBusyError, match=rf"process {process.pid} \(digest run"):
            SenderLock(tmp_path).take("a test", patience=0.0)
        process.kill()
        process.wait()
        with opened(tmp_path):
            said = json.loads((tmp_path / "digest.lock.holder").read_text())
            assert said == {"pid": os.getpid(), "command": "a test"}
    assert not (tmp_path / "digest.lock.holder").exists()


def test_a_person_decides_beside_the_sender(tmp_path: Path) -> None:
    place = StatePlace(path=tmp_path / "digest.db")
    with opened(tmp_path) as store:
        run = plan(store, "ana")
        beside = open_deciding(place, clock=Clock())
        assert beside is not None
        with beside:
            assert states(beside, run) == {"ana": "planned"}
            plan(beside, "ana", period="2026-W48")
        with reading(place) as found:
            assert found is not None
            assert found.counts() == {State.PLANNED: 2}


def test_looking_and_deciding_make_no_ledger(tmp_path: Path) -> None:
    place = StatePlace(path=tmp_path / "none" / "digest.db")
    with reading(place) as found:
        assert found is None
    assert open_deciding(place, clock=Clock()) is None
    assert files(tmp_path) == []


def test_looking_is_possible_beside_any_sender(ledgers: Ledgers) -> None:
    store = ledgers.open()
    run = plan(store, "ana")
    with reading(ledgers.place) as found:
        assert found is not None
        assert found.install == store.ledger.install
        assert [one.key.recipient for one in found.deliveries(scope(run))] == ["ana"]


def test_looking_at_a_ledger_leaves_it_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        plan(store, "ana")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with reading(StatePlace(path=tmp_path / "digest.db")) as found:
        assert found is not None
        assert found.counts() == {State.PLANNED: 1}
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_decision_is_written_beside_any_sender(ledgers: Ledgers) -> None:
    store = ledgers.open()
    beside = open_deciding(ledgers.place, clock=ledgers.clock)
    assert beside is not None
    with beside:
        assert beside.ledger.install == store.ledger.install
        run = plan(beside, "ana")
    assert states(store, run) == {"ana": "planned"}


# How far it had come


def sent_count(store: Store) -> int:
    with store.engine.connect() as connection:
        return identity(connection)[1]


def mark(folder: Path) -> object:
    return json.loads((folder / "instance.json").read_text())


def test_beside_the_ledger_stands_how_many_messages_it_recorded_as_sent(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        install = store.ledger.install
        assert mark(tmp_path) == {"install": install, "sent": 0}
        run = plan(store, "ana", "ben", "eva")
        sender(store, Clock(), [Post()]).send(scope(run))
        assert mark(tmp_path) == {"install": install, "sent": 3}
        assert sent_count(store) == 3
    assert len((tmp_path / "instance.json").read_bytes()) == 256, "overwritten in place"


def test_a_mark_that_fell_behind_is_raised_when_it_is_opened(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        before = (tmp_path / "instance.json").read_bytes()
        run = plan(store, "ana")
        sender(store, Clock(), [Post()]).send(scope(run))
    (tmp_path / "instance.json").write_bytes(before)
    with opened(tmp_path) as store:
        assert mark(tmp_path) == {"install": store.ledger.install, "sent": 1}


def test_opening_fails_without_leaving_the_lock(tmp_path: Path) -> None:
    (tmp_path / "digest.db").write_bytes(b"")
    place = StatePlace(path=tmp_path / "digest.db")
    for _ in range(2):
        with pytest.raises(StateRefusedError, match="damaged"):
            open_sender(place, command="a test", clock=Clock())
    assert not (tmp_path / "digest.lock.holder").exists()
