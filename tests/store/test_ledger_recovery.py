"""What a process that died has left behind, and what an older ledger that was put back is worth."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryState as State
from digest.core.outbox import Decision, OnUncertain
from digest.errors import StateRefusedError
from digest.store.opening import accept_older_database, open_deciding
from digest.store.places import StatePlace
from tests.support.ledgers import (
    LATER,
    LOST,
    NOW,
    REFUSED,
    SENT,
    Clock,
    Post,
    only,
    opened,
    plan,
    scope,
    sender,
    states,
    written,
)

if TYPE_CHECKING:
    from pathlib import Path

    from digest.store.ledger import Leased
    from digest.store.opened import Store
    from digest.store.rows import Run
    from tests.store.databases import Ledgers


def lease(store: Store, run: Run, most: int = 1) -> list[Leased]:
    return store.ledger.lease(
        scope(run, early=True), "mail", after=0, most=most, wanted=lambda _held: True
    )


def begun(store: Store, run: Run) -> Leased:
    (leased,) = lease(store, run)
    assert written(store, store.ledger.begin(leased))
    return leased


def armed(store: Store, run: Run) -> Leased:
    leased = begun(store, run)
    assert store.ledger.arm(leased)
    return leased


# The process is gone


def test_what_was_only_leased_waits_again(ledgers: Ledgers) -> None:
    dead = ledgers.open()
    run = plan(dead, "ana", "ben")
    lease(dead, run, most=2)
    ledgers.kill(dead)
    store = ledgers.open()
    assert store.recovered == 2
    assert states(store, run) == {"ana": "planned", "ben": "planned"}


def test_what_was_begun_waits_again_and_its_try_counts(ledgers: Ledgers) -> None:
    dead = ledgers.open()
    run = plan(dead, "ana")
    written(dead, dead.ledger.settle(begun(dead, run), LATER))
    begun(dead, run)
    ledgers.kill(dead)
    store = ledgers.open()
    held = only(store, run)
    assert (held.state, held.attempts, held.uncertain) == (State.PLANNED, 2, 0)
    assert held.last_error == "451 greylisted", "its last answer is still the last"
    assert held.due_at is not None
    reason = "the process that had it is gone; nothing was sent"
    assert store.ledger.steps(held)[-1].reason == reason


def test_what_was_at_risk_may_have_arrived_and_is_counted(ledgers: Ledgers) -> None:
    dead = ledgers.open()
    run = plan(dead, "ana")
    armed(dead, run)
    ledgers.kill(dead)
    store = ledgers.open()
    held = only(store, run)
    assert store.recovered == 1
    assert (held.state, held.attempts, held.uncertain) == (State.UNCERTAIN, 1, 1)
    assert held.last_error == (
        "the process that sent it is gone, and whether it was taken is not known"
    )


def test_what_has_an_end_or_waits_is_left_alone(ledgers: Ledgers) -> None:
    dead = ledgers.open()
    run = plan(dead, "ana", "ben", "eva", "max")
    outcomes = {"ana": [SENT], "ben": [REFUSED], "eva": [LATER], "max": [LOST]}
    post = Post(script=outcomes)
    sender(dead, ledgers.clock, [post], policy=OnUncertain.HOLD).send(scope(run))
    before = dead.ledger.deliveries(scope(run))
    ledgers.kill(dead)
    store = ledgers.open()
    assert store.recovered == 0
    assert store.ledger.deliveries(scope(run)) == before


def test_a_result_that_was_not_written_is_an_unknown_outcome(ledgers: Ledgers) -> None:
    dead = ledgers.open()
    run = plan(dead, "ana")
    dead.ledger.settle(armed(dead, run), SENT)
    ledgers.kill(dead)
    store = ledgers.open()
    assert only(store, run).state in {State.UNCERTAIN, State.SENT}


def test_whoever_lost_a_delivery_moves_it_no_more(ledgers: Ledgers) -> None:
    dead = ledgers.open()
    run = plan(dead, "ana")
    lost = begun(dead, run)
    ledgers.kill(dead)
    store = ledgers.open()
    assert not store.ledger.arm(lost)
    ours = armed(store, run)
    for lost.at in (State.SENDING, State.AT_RISK):
        assert not store.ledger.arm(lost)
    lost.at = State.AT_RISK
    assert not written(store, store.ledger.settle(lost, SENT))
    assert written(store, store.ledger.settle(ours, SENT))


# An older copy was put back


@pytest.fixture
def older(tmp_path: Path) -> tuple[StatePlace, Run]:
    """A copy from when five deliveries stood in five states; since then two messages were sent."""
    with opened(tmp_path) as store:
        run = plan(store, "waits", "later", "refused", "unsure", "at risk")
        leased = lease(store, run, most=5)
        written(store, store.ledger.hand_back(leased[0]))
        for one, outcome in zip(leased[1:], (LATER, REFUSED, LOST, None), strict=True):
            store.ledger.begin(one)
            store.ledger.arm(one)
            if outcome is not None:
                written(store, store.ledger.settle(one, outcome))
        shutil.copy(tmp_path / "digest.db", tmp_path / "copy")
        more = plan(store, "one", "two", period="2026-W48")
        sender(store, Clock(), [Post()]).send(scope(more))
    (tmp_path / "copy").replace(tmp_path / "digest.db")
    return StatePlace(path=tmp_path / "digest.db"), run


def test_accepting_an_older_ledger_holds_all_that_it_has_waiting(
    older: tuple[StatePlace, Run],
) -> None:
    place, run = older
    assert place.path is not None
    assert accept_older_database(place, clock=Clock()) == 4
    with opened(place.path.parent) as store:
        assert states(store, run) == {
            "waits": "held",
            "later": "held",
            "refused": "failed",
            "unsure": "held",
            "at risk": "held",
        }
        (waits, *_) = store.ledger.deliveries(scope(run))
        assert waits.last_error == "an older ledger was put back; it may have been sent meanwhile"
        assert store.restored_at == NOW
        assert [one.state for one in store.ledger.untold()] == [
            State.HELD,
            State.HELD,
            State.FAILED,
            State.HELD,
            State.HELD,
        ]


def test_after_that_nothing_is_sent_by_itself_and_the_count_goes_on(
    older: tuple[StatePlace, Run],
) -> None:
    place, run = older
    assert place.path is not None
    accept_older_database(place, clock=Clock())
    with opened(place.path.parent) as store:
        post = Post()
        sender(store, Clock(), [post]).send(scope(run, early=True))
        assert post.tried == []
        (waits, *_) = store.ledger.deliveries(scope(run))
        assert store.ledger.resolve(waits, Decision(state=State.PLANNED, reason="a person said so"))
        sender(store, Clock(), [post]).send(scope(run, early=True))
        assert post.tried == ["waits"]
    mark = json.loads((place.path.parent / "instance.json").read_text())
    assert mark["sent"] == 3


def test_a_ledger_that_is_gone_can_be_begun_anew_when_a_person_says_so(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        run = plan(store, "ana", "ben")
        sender(store, Clock(), [Post()]).send(scope(run))
    (tmp_path / "digest.db").unlink()
    place = StatePlace(path=tmp_path / "digest.db")
    assert accept_older_database(place, clock=Clock()) == 0
    with opened(tmp_path) as store:
        assert store.ledger.counts() == {}
        assert store.restored_at == NOW
        assert json.loads((tmp_path / "instance.json").read_text())["sent"] == 2


def test_a_mark_that_cannot_be_read_is_written_anew_when_a_person_says_so(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        run = plan(store, "ana")
        sender(store, Clock(), [Post()]).send(scope(run))
    (tmp_path / "instance.json").write_text("not json")
    assert accept_older_database(StatePlace(path=tmp_path / "digest.db"), clock=Clock()) == 0
    with opened(tmp_path) as store:
        found = json.loads((tmp_path / "instance.json").read_text())
        assert found == {"install": store.ledger.install, "sent": 1}


def test_accepting_twice_is_no_different_but_for_the_time(older: tuple[StatePlace, Run]) -> None:
    place, _ = older
    assert place.path is not None
    accept_older_database(place, clock=Clock())
    clock = Clock()
    clock.go(hours=1)
    assert accept_older_database(place, clock=clock) == 0
    with opened(place.path.parent) as store:
        assert store.restored_at == clock.now


def test_a_damaged_ledger_is_not_accepted(tmp_path: Path) -> None:
    (tmp_path / "digest.db").write_bytes(b"")
    with pytest.raises(StateRefusedError, match="damaged"):
        accept_older_database(StatePlace(path=tmp_path / "digest.db"), clock=Clock())


def test_on_a_server_there_is_nothing_to_accept() -> None:
    with pytest.raises(StateRefusedError, match="on PostgreSQL there is nothing to recover"):
        accept_older_database(StatePlace(url="postgresql+psycopg://db/digest"), clock=Clock())


def test_whoever_decides_beside_it_does_not_make_an_older_ledger_the_newest(
    older: tuple[StatePlace, Run],
) -> None:
    place, _ = older
    assert place.path is not None
    try:
        store = open_deciding(place, clock=Clock())
    except StateRefusedError:
        store = None
    if store is not None:
        store.close()
    with pytest.raises(StateRefusedError, match="is older than it was"), opened(place.path.parent):
        pass


def test_another_installation_s_ledger_is_not_taken_for_ours_by_whoever_decides(
    tmp_path: Path,
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder, readers in ((ours, ("ana",)), (theirs, ("ana", "ben"))):
        with opened(folder) as store:
            sender(store, Clock(), [Post()]).send(scope(plan(store, *readers)))
    mark = (ours / "instance.json").read_bytes()
    (theirs / "digest.db").replace(ours / "digest.db")
    with pytest.raises(StateRefusedError, match="is older than it was"):
        open_deciding(StatePlace(path=ours / "digest.db"), clock=Clock())
    assert (ours / "instance.json").read_bytes() == mark
