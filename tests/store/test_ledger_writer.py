"""The writer: a result means that it is on the disk, and one that can't be written is not lost."""

from __future__ import annotations

import resource
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, text

from digest.core.content import DeliveryState as State
from digest.core.content import Outcome
from digest.errors import StateBusyError, StateRefusedError, StoreError, UnsureError, UsageError
from digest.store import sqlite
from digest.store.writer import Writer
from tests.store.databases import Ledgers
from tests.store.refused import damage_table
from tests.support.ledgers import opened, plan, scope, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from digest.store.opened import Store
    from digest.store.writer import Batch

LONG = "x" * 500_000


def note(name: str, value: str = "") -> Callable[[Batch], str]:
    """Work that leaves a row, and gives its name."""

    def work(batch: Batch) -> str:
        batch.connection.execute(
            text("INSERT INTO meta (name, value) VALUES (:name, :value)"),
            {"name": name, "value": value},
        )
        return name

    return work


def fail(_batch: Batch) -> None:
    raise ZeroDivisionError


def notes(store: Store) -> list[str]:
    """What is there for everybody to see."""
    found = Ledgers.sql(store, "SELECT name FROM meta WHERE name LIKE 'note %' ORDER BY name")
    return [name for (name,) in found]


@contextmanager
def held_up(store: Store) -> Iterator[None]:
    """While it lasts the writer is at work, and what is asked of it gathers."""
    go_on, begun = threading.Event(), threading.Event()

    def work(_batch: Batch) -> None:
        begun.set()
        assert go_on.wait(10)

    holding = store.writer.submit(work)
    assert begun.wait(10)
    try:
        yield
    finally:
        go_on.set()
        holding.result()


@contextmanager
def commits(store: Store) -> Iterator[list[int]]:
    """A list that gets longer with each transaction that is committed."""
    made: list[int] = []

    def committed(_connection: Any) -> None:
        made.append(1)

    event.listen(store.engine, "commit", committed)
    try:
        yield made
    finally:
        event.remove(store.engine, "commit", committed)


def still_waits(asked: Future[Any]) -> None:
    with pytest.raises(TimeoutError):
        asked.result(0.1)


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


# Results


def test_a_result_is_given_when_everybody_can_see_what_was_written(store: Store) -> None:
    seen: SimpleQueue[list[str]] = SimpleQueue()
    with held_up(store):
        asked = store.writer.submit(note("note 1"))
        asked.add_done_callback(lambda _: seen.put(notes(store)))
        assert not asked.done()
        assert notes(store) == []
    assert asked.result() == "note 1"
    assert notes(store) == ["note 1"]
    assert seen.get(timeout=10) == ["note 1"]


def test_what_comes_together_is_committed_together_and_in_order(store: Store) -> None:
    done: SimpleQueue[str] = SimpleQueue()
    with commits(store) as made:
        with held_up(store):
            asked = [store.writer.submit(note(f"note {number}")) for number in range(5)]
            for one in asked:
                one.add_done_callback(lambda it: done.put(it.result()))
        assert [done.get(timeout=10) for _ in asked] == [f"note {number}" for number in range(5)]
    assert len(made) == 2, "one that was waited for, then all that came meanwhile"


def test_any_number_of_works_is_written(store: Store) -> None:
    with held_up(store):
        asked = [store.writer.submit(note(f"note {number:03}")) for number in range(300)]
    assert [one.result() for one in asked] == notes(store)


def test_what_may_wait_waits_for_company(store: Store) -> None:
    patient = store.writer.submit(note("note 1"), patience=60.0)
    still_waits(patient)
    assert notes(store) == []
    with commits(store) as made:
        store.writer.do(note("note 2"))
    assert patient.result() == "note 1"
    assert len(made) == 1


def test_what_waits_longest_is_waited_for_no_longer_than_it_may(store: Store) -> None:
    assert store.writer.submit(note("note 1"), patience=0.01).result(10) == "note 1"


def test_closing_writes_what_was_asked_for(ledgers: Ledgers) -> None:
    first = ledgers.open()
    asked = first.writer.submit(note("note 1"), patience=60.0)
    first.close()
    assert asked.result() == "note 1"
    assert notes(ledgers.open()) == ["note 1"]


# Failures


def test_work_that_fails_spoils_nothing_that_came_with_it(store: Store) -> None:
    with held_up(store):
        asked: list[Future[Any]] = [
            store.writer.submit(work) for work in (note("note 1"), fail, note("note 2"))
        ]
    assert (asked[0].result(), asked[2].result()) == ("note 1", "note 2")
    with pytest.raises(StoreError) as caught:
        asked[1].result()
    assert str(caught.value) == "the ledger's work failed (ZeroDivisionError); a defect of digest"
    assert notes(store) == ["note 1", "note 2"]


def test_work_that_fails_leaves_nothing_of_itself(store: Store) -> None:
    def half(batch: Batch) -> None:
        note("note 1")(batch)
        raise ZeroDivisionError

    with pytest.raises(StoreError):
        store.writer.do(half)
    assert notes(store) == []
    assert store.writer.do(note("note 2")) == "note 2"


def test_a_row_that_may_not_be_is_a_defect(store: Store) -> None:
    store.writer.do(note("note 1"))
    with pytest.raises(StoreError, match=r"\(IntegrityError\); a defect of digest"):
        store.writer.do(note("note 1"))


def test_an_error_for_a_person_goes_to_who_asked_as_it_is(store: Store) -> None:
    def refuse(_batch: Batch) -> None:
        raise UsageError("there is no such thing")

    with pytest.raises(UsageError, match="there is no such thing"):
        store.writer.do(refuse)


# No room


def room(store: Store, pages: int) -> Callable[[Batch], None]:
    """Work that leaves so many free pages on what the writer takes for the disk."""

    def work(batch: Batch) -> None:
        used = batch.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        batch.connection.exec_driver_sql(f"PRAGMA max_page_count={used + pages}")

    del store
    return work


def test_on_a_full_disk_what_is_new_is_refused_for_now(file_store: Store) -> None:
    store = file_store
    store.writer.do(room(store, 0))
    with pytest.raises(StateBusyError) as caught:
        store.writer.do(note("note 1", LONG))
    assert str(caught.value) == (
        f"{store.place.path}: its disk is full; nothing is sent until there is room"
    )
    assert caught.value.exit_code == 75
    store.writer.do(room(store, 1000))
    assert store.writer.do(note("note 1", LONG)) == "note 1"


def test_on_a_full_disk_a_small_work_is_written_though_a_large_one_beside_it_fails(
    file_store: Store,
) -> None:
    store = file_store
    store.writer.do(room(store, 2))
    with held_up(store):
        large, small = (
            store.writer.submit(note("note 1", LONG)),
            store.writer.submit(note("note 2")),
        )
    with pytest.raises(StateBusyError):
        large.result()
    assert small.result() == "note 2"


def test_on_a_full_disk_a_result_is_kept_until_there_is_room_and_all_else_is_refused(
    file_store: Store,
) -> None:
    store, is_room = file_store, threading.Event()
    store.writer.do(room(store, 0))

    def result(batch: Batch) -> str:
        if is_room.is_set():
            room(store, 1000)(batch)
        return note("note 1", LONG)(batch)

    kept = store.writer.submit(result, must=True)
    still_waits(kept)
    with pytest.raises(StateBusyError, match="its disk is full"):
        store.writer.do(note("note 2"))
    also_kept = store.writer.submit(note("note 3"), must=True)
    assert not kept.done()
    assert not also_kept.done()
    is_room.set()
    assert (kept.result(10), also_kept.result(10)) == ("note 1", "note 3")
    assert notes(store) == ["note 1", "note 3"]
    assert store.writer.do(note("note 4")) == "note 4"


def test_on_a_full_disk_also_what_came_with_a_result_is_refused(file_store: Store) -> None:
    store = file_store
    store.writer.do(room(store, 0))
    with held_up(store):
        store.writer.submit(note("note 1", LONG), must=True)
        new = store.writer.submit(note("note 2", LONG))
    try:
        with pytest.raises(StateBusyError):
            new.result(1)
    finally:
        store.ledger.give_up()


def test_what_a_try_came_to_is_such_a_result(file_store: Store) -> None:
    store = file_store
    run = plan(store, "ana")
    (leased,) = store.ledger.lease(scope(run), "mail", after=0, most=1, wanted=lambda _held: True)
    written(store, store.ledger.begin(leased))
    store.ledger.arm(leased)
    store.writer.do(room(store, 0))
    settled = store.ledger.settle(leased, Outcome(state=State.UNCERTAIN, detail=LONG))
    still_waits(settled)
    store.ledger.give_up()
    with pytest.raises(StateBusyError, match="its disk is full"):
        settled.result(10)


def test_a_result_that_turns_out_to_be_impossible_is_not_waited_for(file_store: Store) -> None:
    store = file_store
    store.writer.do(room(store, 0))
    tries: list[int] = []

    def result(batch: Batch) -> str:
        tries.append(1)
        if len(tries) > 1:
            raise ZeroDivisionError
        return note("note 1", LONG)(batch)

    with pytest.raises(StoreError, match="a defect of digest"):
        store.writer.do(result, must=True)
    assert len(tries) == 2


def test_a_process_that_has_to_end_gives_up_what_it_cannot_write(file_store: Store) -> None:
    store = file_store
    store.writer.do(room(store, 0))
    kept = store.writer.submit(note("note 1", LONG), must=True)
    still_waits(kept)
    store.ledger.give_up()
    with pytest.raises(StateBusyError, match="its disk is full"):
        kept.result(10)


def test_while_another_program_writes_we_wait_and_then_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.store.sqlite._PATIENCE", 0.05)
    with (
        opened(tmp_path) as store,
        closing(sqlite3.connect(tmp_path / "digest.db", isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateBusyError, match="another program holds the database; try again"):
            store.writer.do(note("note 1"))
        kept = store.writer.submit(note("note 2"), must=True)
        other.execute("ROLLBACK")
        assert kept.result(10) == "note 2"


def test_a_reader_who_takes_long_only_makes_us_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.store.sqlite._PATIENCE", 0.05)
    with (
        opened(tmp_path) as store,
        closing(sqlite3.connect(tmp_path / "digest.db", isolation_level=None)) as other,
    ):
        other.execute("BEGIN")
        other.execute("SELECT * FROM meta").fetchall()
        for number in range(2):  # the commit finds the database held
            with pytest.raises(StateBusyError, match="another program holds the database"):
                store.writer.do(note(f"note {number}"))
        other.execute("ROLLBACK")
        assert store.writer.do(note("note 2")) == "note 2"
        assert notes(store) == ["note 2"]


# I/O errors


@contextmanager
def failing_disk(size: int) -> Iterator[None]:
    """While it lasts the kernel refuses to let any file of ours grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("must", [False, True])
def test_after_an_io_error_nothing_more_is_written_because_nobody_knows_what_is(
    tmp_path: Path,
    must: bool,  # noqa: FBT001 — a column of the table
) -> None:
    path = tmp_path / "digest.db"
    with opened(tmp_path) as store:
        with failing_disk(path.stat().st_size), pytest.raises(StoreError) as caught:
            store.writer.do(note("note 1", LONG), must=must)
        assert str(caught.value) == (
            f"{path}: SQLITE_IOERR_WRITE; it is not known what was written, so nothing more is "
            "sent. Look at the disk, then run digest again"
        )
        assert not isinstance(caught.value, StateBusyError | StateRefusedError)
        for again in (False, True):
            with pytest.raises(StoreError, match="it is not known what was written"):
                store.writer.do(note("note 2"), must=again)
    with opened(tmp_path) as store:
        assert notes(store) == []
        assert store.writer.do(note("note 3")) == "note 3"


def test_after_an_io_error_nothing_of_its_batch_is_tried_again(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        size = (tmp_path / "digest.db").stat().st_size
        with failing_disk(size):
            with held_up(store):
                asked = [
                    store.writer.submit(note("note 1"), must=True),
                    store.writer.submit(note("note 2", LONG)),
                    store.writer.submit(note("note 3")),
                ]
            for one in asked:
                with pytest.raises(StoreError, match="it is not known what was written"):
                    one.result(10)
        assert notes(store) == []


def test_an_io_error_ends_the_wait_for_room(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    with opened(tmp_path) as store:
        store.writer.do(room(store, 0))
        is_room = threading.Event()

        def result(batch: Batch) -> str:
            if is_room.is_set():
                room(store, 1000)(batch)
            return note("note 1", LONG)(batch)

        kept = store.writer.submit(result, must=True)
        still_waits(kept)
        with failing_disk(path.stat().st_size):
            is_room.set()
            with pytest.raises(StoreError, match="it is not known what was written"):
                kept.result(10)
        with pytest.raises(StoreError, match="it is not known what was written"):
            store.writer.do(note("note 2"))


def forget_pages(batch: Batch) -> None:
    """From now on they are read from the disk again."""
    batch.connection.exec_driver_sql("PRAGMA shrink_memory")


def test_after_damage_was_met_nothing_more_is_written(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    with opened(tmp_path) as store:
        store.writer.do(forget_pages)
        damage_table(path, "runs")
        with pytest.raises(StateRefusedError, match=r"is damaged \(SQLITE_CORRUPT\)"):
            plan(store, "ana")
        with pytest.raises(StateRefusedError, match="is damaged"):
            store.writer.do(note("note 1"), must=True)
        assert notes(store) == []


# Counting what was sent


def sent(batch: Batch) -> bool:
    batch.sent += 1
    return True


def test_messages_are_counted_with_what_they_were_sent_by(ledgers: Ledgers) -> None:
    store = ledgers.open()
    with held_up(store):
        asked = [store.writer.submit(work) for work in (sent, sent, fail, sent)]
    assert [one.exception() is None for one in asked] == [True, True, False, True]
    assert Ledgers.sql(store, "SELECT value FROM meta WHERE name = 'sent'") == [("3",)]


def test_after_a_mark_that_cannot_be_written_nothing_more_is_and_what_is_sent_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as store:

        def no_mark(_count: int) -> None:
            raise UnsureError("instance.json can't be written")

        monkeypatch.setattr(store.writer, "_on_sent", no_mark)
        done: list[int] = []

        def once(batch: Batch) -> bool:
            done.append(1)
            return sent(batch)

        with held_up(store):
            asked = [store.writer.submit(once), store.writer.submit(once)]
        assert [one.result(10) for one in asked] == [True, True]
        assert len(done) == 2
        with pytest.raises(UnsureError, match="can't be written"):
            store.writer.do(note("note 1"))
        assert Ledgers.sql(store, "SELECT value FROM meta WHERE name = 'sent'") == [("2",)]


def test_an_arm_that_came_with_such_a_mark_is_not_acted_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as store:
        run = plan(store, "ana")
        (leased,) = store.ledger.lease(
            scope(run), "mail", after=0, most=1, wanted=lambda _held: True
        )
        assert written(store, store.ledger.begin(leased))

        def no_mark(_count: int) -> None:
            raise UnsureError("instance.json can't be written")

        monkeypatch.setattr(store.writer, "_on_sent", no_mark)
        with ThreadPoolExecutor(max_workers=1) as pool:
            with held_up(store):
                store.writer.submit(sent)
                arming = pool.submit(store.ledger.arm, leased)
                wait([arming], timeout=0.1)
            with pytest.raises(UnsureError):
                arming.result(10)


# A database that can't be reached


def test_a_writer_that_cannot_connect_says_so_to_whoever_asks_and_tries_again(
    tmp_path: Path,
) -> None:
    engine = sqlite.engine_of(tmp_path / "nowhere" / "digest.db")
    writer = Writer(engine, "the ledger")
    for _ in range(2):
        with pytest.raises(StateBusyError, match="the ledger: no file can be opened"):
            writer.submit(lambda _batch: None).result(10)
    kept = writer.submit(lambda _batch: "written", must=True)
    still_waits(kept)
    (tmp_path / "nowhere").mkdir()
    assert kept.result(10) == "written"
    writer.close()
    engine.dispose()
