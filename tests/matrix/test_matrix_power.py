"""Case 30 of the fault matrix: the power is cut at any moment of a digest's way to its readers.

strace records what one real run asks of the kernel and what it says to the mail server; every cut
of that is replayed. Every dot that was sent counts as a copy, whatever the server did with it.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryState as State
from tests.lab.conftest import phase, world_of
from tests.lab.execution_log import log_violations
from tests.lab.ledger import DATABASE, MARK, read_books
from tests.lab.power import SECTOR, Deed, Disk, Event, recorded
from tests.lab.world import THREE
from tests.store.databases import quick_folder
from tests.support.ledgers import Clock, Post, opened, scope, sender

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.lab.conftest import Worlds
    from tests.lab.ledger import Books, Entry

__all__ = ["phase", "world_of"]


@dataclass(slots=True)
class Known:
    """What is known of a run up to a moment without asking the ledger.

    `sent` is the mark that it wrote last, `dots` whose mail it has ended how often.
    """

    sent: int = 0
    dots: Counter[str] = field(default_factory=Counter)
    _to: str = ""

    def see(self, event: Event) -> None:
        if event.deed is Deed.WRITE and event.name == MARK:
            self.sent = json.loads(event.data.strip(b"\0 \n"))["sent"]
        if event.deed is not Deed.SEND:
            return
        if (found := re.match(rb"RCPT TO:<([^>]+)>", event.data, re.IGNORECASE)) is not None:
            self._to = found[1].decode()
        if event.data == b".\r\n":
            self.dots[self._to] += 1


@dataclass(frozen=True, slots=True)
class Cut:
    """What one cut leaves on the disk, and what was known by then."""

    number: int
    sent: int
    dots: Counter[str]
    contents: dict[str, bytes]


def cuts(events: Sequence[Event], random: Random | None = None) -> Iterator[Cut]:
    """The cut before each event and after the last; only those that leave something new."""
    disk, known = Disk(), Known()
    last: Cut | None = None
    for number in range(len(events) + 1):
        cut = Cut(number, known.sent, known.dots.copy(), disk.contents(random))
        if last is None or (cut.sent, cut.dots, cut.contents) != (
            last.sent,
            last.dots,
            last.contents,
        ):
            yield cut
        last = cut
        if number < len(events):
            disk.do(events[number])
            known.see(events[number])


def lay_out(cut: Cut, folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    for name, content in cut.contents.items():
        (folder / name).write_bytes(content)


def problems(cut: Cut, folder: Path) -> list[str]:
    """What the promise forbids of the ledger that a cut leaves."""
    lay_out(cut, folder)
    books = read_books(folder) if (folder / DATABASE).exists() else None
    if books is None:
        return ["the ledger is gone"] if cut.dots or cut.sent else []
    found = [what for row in books.rows for what in log_violations(row, _log(books, row.row))]
    if sum(row.state is State.SENT for row in books.rows) < cut.sent or books.sent < cut.sent:
        found.append(f"{cut.sent} were recorded as sent, and it knows of {books.sent}")
    if books.mark is not None and books.mark > books.sent:
        found.append("its mark is beyond it")
    for row in books.rows:
        risks = sum(entry.after is State.AT_RISK for entry in _log(books, row.row))
        if risks < cut.dots[row.recipient]:
            found.append(f"{row.recipient} may have got it, and it does not know that")
    return found


def _log(books: Books, row: int) -> list[Entry]:
    return [entry for entry in books.log if entry.delivery == row]


def goes_on(cut: Cut, folder: Path) -> None:
    """Opened by digest, sent on, and nobody has more copies than there were doubts, and one."""
    lay_out(cut, folder)
    with opened(folder) as store:
        runs = store.ledger.latest_runs(1)
        if not runs:
            assert not cut.dots
            return
        before = store.ledger.counts()
        post = Post()
        sender(store, Clock(), [post]).send(scope(runs[0], early=True))
        assert before.get(State.SENT, 0) >= cut.sent
        copies = cut.dots + Counter(parcel.key.recipient for parcel in post.accepted)
        for held in store.ledger.deliveries(scope(runs[0])):
            assert held.state is State.SENT
            assert 1 <= copies[held.key.recipient] <= 1 + held.uncertain, (cut.number, held)


@pytest.fixture
def events(world_of: Worlds) -> list[Event]:
    """What a first run did that nobody disturbed: it made the ledger and sent to three readers."""
    world = world_of(readers=THREE)
    running = world.begin("mail", halted=True)
    found = recorded(running, world.folder)
    assert running.wait().code == 0
    assert world.violations() == []
    known = Known()
    for event in found:
        known.see(event)
    assert (known.sent, known.dots) == (3, Counter(THREE)), "all of it was seen"
    return found


@pytest.mark.faults
def test_case_30_only_what_was_synced_survives_and_that_is_enough(events: list[Event]) -> None:
    found = list(cuts(events))
    assert len(found) > 40
    with quick_folder() as folder:
        for cut in found:
            assert problems(cut, folder) == [], cut.number
            goes_on(cut, folder)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(3))
def test_case_30_what_was_not_synced_may_be_there_in_any_order_and_in_pieces(
    events: list[Event], seed: int
) -> None:
    with quick_folder() as folder:
        for cut in cuts(events, Random(seed)):
            assert problems(cut, folder) == [], cut.number
            if cut.number % 10 == seed:
                goes_on(cut, folder)


@pytest.mark.faults
@pytest.mark.parametrize("left_out", ["digest.db", "digest.db-journal"])
def test_case_30_a_ledger_that_was_not_synced_would_be_noticed(
    events: list[Event], left_out: str
) -> None:
    careless = [one for one in events if (one.deed, one.name) != (Deed.SYNC, left_out)]
    with quick_folder() as folder:
        assert any(_amiss(cut, folder) for seed in range(3) for cut in cuts(careless, Random(seed)))


def _amiss(cut: Cut, folder: Path) -> bool:
    try:
        return problems(cut, folder) != []
    except (sqlite3.DatabaseError, TypeError, ValueError):
        return True


# The model itself ---------------------------------------------------------------------------------


def write(data: bytes, at: int = 0, name: str = "digest.db") -> Event:
    return Event(deed=Deed.WRITE, name=name, at=at, data=data)


MADE = Event(deed=Deed.CREATE, name="digest.db")
SYNCED = Event(deed=Deed.SYNC, name="digest.db")
NAMES_SYNCED = Event(deed=Deed.SYNC, name=".")
SHORTER = Event(deed=Deed.CUT, name="digest.db", at=1)
GONE = Event(deed=Deed.UNLINK, name="digest.db")
MOVED = Event(deed=Deed.RENAME, name="digest.db", to="other")


@pytest.mark.parametrize(
    ("events", "left"),
    [
        ([MADE, write(b"one"), SYNCED], {}),
        ([MADE, NAMES_SYNCED, write(b"one")], {"digest.db": b""}),
        ([MADE, NAMES_SYNCED, write(b"one"), SYNCED, write(b"two")], {"digest.db": b"one"}),
        ([MADE, write(b"one"), SYNCED, NAMES_SYNCED, GONE], {"digest.db": b"one"}),
        ([MADE, write(b"one"), SYNCED, NAMES_SYNCED, GONE, NAMES_SYNCED], {}),
        ([MADE, NAMES_SYNCED, write(b"x", 2), SYNCED], {"digest.db": b"\0\0x"}),
        ([MADE, NAMES_SYNCED, write(b"one"), SHORTER, SYNCED], {"digest.db": b"o"}),
        ([MADE, NAMES_SYNCED, write(b"one"), SYNCED, MOVED], {"digest.db": b"one"}),
        ([MADE, NAMES_SYNCED, write(b"one"), SYNCED, MOVED, NAMES_SYNCED], {"other": b"one"}),
    ],
)
def test_case_30_the_model_forgets_what_was_not_synced(
    events: list[Event], left: dict[str, bytes]
) -> None:
    disk = Disk()
    for event in events:
        disk.do(event)
    assert disk.contents() == left


def test_case_30_the_model_keeps_any_sectors_of_what_was_not_synced() -> None:
    disk = Disk()
    for event in (MADE, NAMES_SYNCED, write(b"a" * 2 * SECTOR), SYNCED, write(b"b" * 2 * SECTOR)):
        disk.do(event)
    found = {disk.contents(Random(seed))["digest.db"][::SECTOR] for seed in range(40)}
    assert found == {b"aa", b"ab", b"ba", b"bb"}
