"""Sending what waits: pass after pass, until nothing can be done now."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryState as State
from digest.core.content import Outcome, Parcel
from digest.core.outbox import OnUncertain
from digest.errors import DeliveryError, StateBusyError, StoreError
from digest.outbox.stopping import Stop
from digest.store.reading import Scope
from tests.store.databases import Ledgers, new_ledger, quick_folder
from tests.support.ledgers import (
    DOWN,
    LATER,
    LOCKED_OUT,
    LOST,
    LOST_AND_NOT_TAKEN,
    NOW,
    REFUSED,
    Clock,
    Post,
    only,
    plan,
    scope,
    sender,
    states,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.core.content import Passage
    from digest.store.opened import Store
    from digest.store.writer import Batch

HOLD = OnUncertain.HOLD
TOO_LARGE = Outcome(state=State.RETRY_WAIT, detail="552 too big", code="552", too_large=True)
AT_ONCE = Outcome(state=State.RETRY_WAIT, detail="again", retry_after=0.0)


def recipients(parcels: list[Parcel]) -> list[str]:
    return [parcel.key.recipient for parcel in parcels]


# What the servers answer


def test_each_recipient_gets_the_answer_of_its_own_server(store: Store, clock: Clock) -> None:
    run = plan(store, "yes", "no", "later")
    post = Post(script={"no": [REFUSED], "later": [LATER]})
    sender(store, clock, [post]).send(scope(run))
    assert states(store, run) == {"yes": "sent", "no": "failed", "later": "retry_wait"}
    assert recipients(post.accepted) == ["yes"]
    assert post.tried == ["yes", "no", "later"], "each once"


def test_who_was_refused_for_now_is_tried_again_when_it_is_time(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    post = Post(script={"ana": [LATER, LATER]})
    sending = sender(store, clock, [post])
    tries = []
    for minutes in (0, 0.9, 0.2, 4.8, 0.2):
        clock.go(minutes=minutes)
        sending.send(scope(run))
        tries.append(len(post.tried))
    assert tries == [1, 1, 2, 2, 3]
    assert states(store, run) == {"ana": "sent"}


def test_a_person_who_asks_for_it_now_need_not_wait(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    post = Post(script={"ana": [LATER]})
    for _ in range(2):
        sender(store, clock, [post]).send(scope(run, early=True))
    assert states(store, run) == {"ana": "sent"}


def test_asked_for_now_it_is_still_tried_once_in_one_send(store: Store, clock: Clock) -> None:
    run = plan(store, "ana", "ben")
    post = Post(script={"ana": [LATER], "ben": [LOST_AND_NOT_TAKEN]})
    sender(store, clock, [post]).send(scope(run, early=True))
    assert post.tried == ["ana", "ben", "ben"], "the unknown one again, the refused one not"


def test_a_message_that_is_too_large_becomes_smaller_in_the_same_send(
    store: Store, clock: Clock
) -> None:
    run = plan(store, "ana", "ben")
    armed: list[bool] = []
    post = Post(script={"ana": [TOO_LARGE]}, on_arm=lambda parcel: armed.append(parcel.small))
    sender(store, clock, [post]).send(scope(run))
    assert armed == [False, False, True]
    assert states(store, run) == {"ana": "sent", "ben": "sent"}


def test_a_server_that_wants_it_again_at_once_is_tried_six_times_in_one_send(
    store: Store, clock: Clock
) -> None:
    run = plan(store, "ana")
    post = Post(script={"ana": [AT_ONCE] * 20})
    sender(store, clock, [post]).send(scope(run))
    assert len(post.tried) == 6
    assert states(store, run) == {"ana": "retry_wait"}


def test_what_is_past_its_deadline_is_dead_and_not_tried(store: Store, clock: Clock) -> None:
    run = plan(store, "ana", deadline=NOW)
    clock.go(seconds=1)
    post = Post()
    sender(store, clock, [post]).send(scope(run, early=True))
    assert states(store, run) == {"ana": "dead"}
    assert post.tried == []


def test_who_is_not_in_the_config_any_more_is_skipped_and_not_tried(
    store: Store, clock: Clock
) -> None:
    run = plan(store, "ana", "ben")
    post = Post()
    sender(store, clock, [post], wanted=lambda held: held.key.recipient == "ana").send(scope(run))
    assert states(store, run) == {"ana": "sent", "ben": "skipped"}
    assert post.tried == ["ana"]


def test_only_what_is_meant_is_sent(store: Store, clock: Clock) -> None:
    run, other = plan(store, "ana", "ben"), plan(store, "ana", period="2026-W48")
    rows = frozenset({store.ledger.deliveries(scope(run))[1].row})
    post = Post()
    sender(store, clock, [post]).send(Scope(runs=(run.row,), rows=rows))
    assert states(store, run) == {"ana": "planned", "ben": "sent"}
    assert states(store, other) == {"ana": "planned"}


def test_where_nothing_waits_no_channel_is_opened(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    post = Post()
    for _ in range(2):
        sender(store, clock, [post]).send(scope(run))
    assert post.visits == 1


def test_any_number_of_readers_is_sent_to_and_how_far_it_has_come_is_told(
    store: Store, clock: Clock
) -> None:
    run = plan(store, *(f"reader{n}" for n in range(300)))
    told: list[tuple[str, int, int]] = []
    post = Post()
    sending = sender(store, clock, [post])
    sending.progress = lambda *said: told.append(said)
    sending.send(scope(run))
    assert store.ledger.counts(run.row) == {State.SENT: 300}
    assert len(set(recipients(post.accepted))) == len(post.accepted) == 300
    assert told == [("sending", number, 300) for number in range(1, 301)]


def test_channels_are_sent_through_at_once(store: Store, clock: Clock) -> None:
    mail = plan(store, "ana", "ben")
    slack = plan(store, "#team", channel="slack", period="2026-W48")
    both = threading.Barrier(2)

    def meet(parcel: Parcel) -> None:
        if parcel.key.recipient != "ben":
            both.wait(10)

    channels = [Post(on_arm=meet), Post(name="slack", on_arm=meet)]
    sender(store, clock, channels).send(Scope(runs=(mail.row, slack.row)))
    assert states(store, mail) == {"ana": "sent", "ben": "sent"}
    assert states(store, slack) == {"#team": "sent"}


# A channel in trouble


def test_a_channel_in_trouble_keeps_everybody_waiting_and_counts_against_nobody(
    store: Store, clock: Clock
) -> None:
    run = plan(store, "ana", "ben", "eva")
    post = Post(script={"ben": [DOWN]})
    sender(store, clock, [post]).send(scope(run))
    assert states(store, run) == {"ana": "sent", "ben": "retry_wait", "eva": "retry_wait"}
    waiting = store.ledger.deliveries(scope(run))[1:]
    assert [(one.attempts, one.last_error) for one in waiting] == [(0, "the server is down")] * 2
    assert {one.due_at for one in waiting} == {NOW + timedelta(minutes=1)}
    (hold,) = store.ledger.holds()
    assert (hold.channel, hold.until, hold.passing) == ("mail", NOW + timedelta(minutes=1), True)


def test_after_a_fault_there_is_no_second_login_in_the_same_send(
    store: Store, clock: Clock
) -> None:
    run = plan(store, "ana", "ben")
    again = replace(DOWN, retry_after=0.0)
    post = Post(script={"ana": [again, again]})
    sender(store, clock, [post]).send(scope(run))
    assert (post.visits, post.tried) == (1, [])


def test_trouble_of_one_channel_is_none_of_another(store: Store, clock: Clock) -> None:
    mail = plan(store, "ana")
    slack = plan(store, "#team", channel="slack", period="2026-W48")
    channels = [Post(script={"ana": [DOWN]}), Post(name="slack")]
    sender(store, clock, channels).send(Scope(runs=(mail.row, slack.row)))
    assert states(store, mail) == {"ana": "retry_wait"}
    assert states(store, slack) == {"#team": "sent"}


def test_a_channel_in_trouble_is_left_alone_until_its_time_also_by_what_is_new(
    store: Store, clock: Clock
) -> None:
    first = plan(store, "ana")
    post = Post(script={"ana": [LOCKED_OUT]})
    sender(store, clock, [post]).send(scope(first))
    second = plan(store, "ben", period="2026-W48")
    sender(store, clock, [post]).send(scope(second))
    assert (post.visits, states(store, second)) == (1, {"ben": "planned"})
    clock.go(minutes=1)
    sender(store, clock, [post]).send(Scope(runs=(first.row, second.row)))
    assert (post.visits, states(store, second)) == (2, {"ben": "sent"})
    assert states(store, first) == {"ana": "sent"}
    assert store.ledger.holds() == [], "a message that is taken ends the trouble"


def test_who_asks_for_it_now_tries_a_channel_in_trouble_too(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    post = Post(script={"ana": [LOCKED_OUT]})
    sender(store, clock, [post]).send(scope(run))
    sender(store, clock, [post]).send(scope(run, early=True))
    assert states(store, run) == {"ana": "sent"}


def test_trouble_that_stays_is_not_over_because_nothing_was_taken(
    store: Store, clock: Clock
) -> None:
    run = plan(store, "ana")
    store.ledger.hold("mail", DOWN)
    sender(store, clock, [Post(script={"ana": [REFUSED]})]).send(scope(run, early=True))
    assert [hold.times for hold in store.ledger.holds()] == [1]


def test_what_is_not_wanted_any_more_ends_also_while_the_channel_is_in_trouble(
    store: Store, clock: Clock
) -> None:
    run = plan(store, "ana", "ben")
    post = Post(script={"ana": [DOWN]})
    sender(store, clock, [post], wanted=lambda held: held.key.recipient == "ana").send(scope(run))
    assert states(store, run) == {"ana": "retry_wait", "ben": "skipped"}


def test_a_channel_whose_settings_cannot_work_is_in_trouble_that_does_not_pass(
    store: Store, clock: Clock
) -> None:
    run = plan(store, "ana")

    def open_channel(name: str) -> Post:
        raise DeliveryError(f"the CA file of {name} can't be read")

    sending = sender(store, clock)
    sending.open_channel = open_channel
    sending.send(scope(run))
    held = only(store, run)
    assert (held.state, held.attempts) == (State.RETRY_WAIT, 0)
    assert held.last_error == "the CA file of mail can't be read"
    assert [hold.passing for hold in store.ledger.holds()] == [False]


# Nobody knows


def test_what_nobody_knows_is_sent_once_more_with_the_same_bytes_and_is_counted(
    store: Store, clock: Clock
) -> None:
    run = plan(store, "ana", "ben")
    post = Post(script={"ana": [LOST]})
    sender(store, clock, [post]).send(scope(run))
    assert recipients(post.accepted) == ["ana", "ben", "ana"]
    first, _, second = post.accepted
    assert replace(first, armed_at=None) == replace(second, armed_at=None)
    ana = store.ledger.deliveries(scope(run))[0]
    assert (ana.state, ana.attempts, ana.uncertain) == (State.SENT, 2, 1)


def test_unknown_twice_is_held_for_a_person(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    post = Post(script={"ana": [LOST, LOST, LOST]})
    sending = sender(store, clock, [post])
    sending.send(scope(run))
    sending.send(scope(run, early=True))
    held = only(store, run)
    assert (held.state, held.uncertain) == (State.HELD, 2)
    assert held.last_error == "it can't be looked up; unknown 2 times"
    assert recipients(post.accepted) == ["ana", "ana"]


def test_with_hold_nobody_gets_a_second_copy(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    post = Post(script={"ana": [LOST]})
    sending = sender(store, clock, [post], policy=HOLD)
    sending.send(scope(run))
    sending.send(scope(run, early=True))
    assert states(store, run) == {"ana": "held"}
    assert len(post.accepted) == 1


# Channels that break


@dataclass(slots=True)
class Broken(Post):
    """A channel with a defect."""

    where: str = "deliver"

    def deliver(self, passage: Passage) -> None:
        self.visits += 1
        if self.where == "deliver":
            raise ValueError(self.where)
        parcel = passage.take()
        if parcel is None:
            return
        self.tried.append(parcel.key.recipient)
        if self.where in {"begin", "arm"}:
            passage.begin(parcel)
        if self.where == "arm":
            passage.arm(parcel)
        raise ValueError(self.where)


@pytest.mark.parametrize(
    ("where", "state", "attempts"),
    [
        ("deliver", State.PLANNED, 0),
        ("take", State.RETRY_WAIT, 0),
        ("begin", State.RETRY_WAIT, 1),
        ("arm", State.HELD, 1),
    ],
)
def test_a_channel_that_breaks_loses_and_hides_nothing(  # noqa: PLR0917 — three are the table's
    store: Store,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    where: str,
    state: State,
    attempts: int,
) -> None:
    run = plan(store, "ana")
    other = plan(store, "#team", channel="slack", period="2026-W48")
    both = Scope(runs=(run.row, other.row))
    sender(store, clock, [Broken(where=where), Post(name="slack")], policy=HOLD).send(both)
    held = only(store, run)
    assert (held.state, held.attempts) == (state, attempts)
    if state is State.RETRY_WAIT:
        said = "channel 'mail' broke (ValueError); this is a defect of digest"
        assert held.last_error == said
    assert states(store, other) == {"#team": "sent"}
    warnings = {record.message for record in caplog.records if record.levelname == "WARNING"}
    assert warnings == {"a channel broke"}


# The ledger breaks


def break_ledger(store: Store) -> None:
    """From now on no move can be written."""
    Ledgers.sql(store, "ALTER TABLE attempts RENAME TO gone")


@pytest.fixture
def mended(ledgers: Ledgers) -> Iterator[None]:
    yield
    for store in [ledgers.open()] if ledgers.place.path is None else []:
        ledgers.sql(store, "ALTER TABLE IF EXISTS gone RENAME TO attempts")


@pytest.mark.usefixtures("mended")
def test_what_cannot_be_noted_is_not_sent(store: Store, clock: Clock) -> None:
    run = plan(store, "ana", "ben")
    post = Post(on_begin=lambda _parcel: break_ledger(store))
    with pytest.raises(StoreError):
        sender(store, clock, [post]).send(scope(run))
    assert post.accepted == []
    assert post.tried == ["ana"], "and no other was begun"


@pytest.mark.usefixtures("mended")
def test_where_nothing_can_be_leased_nothing_is_sent(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    break_ledger(store)
    post = Post()
    with pytest.raises(StoreError):
        sender(store, clock, [post]).send(scope(run))
    assert post.tried == []


@pytest.mark.usefixtures("mended")
def test_a_result_that_cannot_be_noted_stops_all_else(store: Store, clock: Clock) -> None:
    run = plan(store, "ana", "ben")
    post = Post(on_arm=lambda _parcel: break_ledger(store))
    with pytest.raises(StoreError):
        sender(store, clock, [post]).send(scope(run))
    assert recipients(post.accepted) == ["ana"]
    assert states(store, run)["ana"] == "at_risk", "so that whoever comes next knows"


def leave_free(pages: int, batch: Batch) -> None:
    """A disk with so many free pages, as the writer sees it."""
    used = batch.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    batch.connection.exec_driver_sql(f"PRAGMA max_page_count={used + pages}")


def until_it_goes_on(post: Post) -> None:
    """Until a first one was taken; a busy machine may need a while."""
    end = time.monotonic() + 60
    while not post.accepted and time.monotonic() < end:
        time.sleep(0.01)


def until_nothing_goes_on(post: Post) -> None:
    before = -1
    while len(post.accepted) != before:
        before = len(post.accepted)
        time.sleep(0.4)


def test_on_a_full_disk_nobody_gets_what_the_ledger_does_not_know_of(clock: Clock) -> None:
    stop, post = Stop(grace=0.1), Post()
    with quick_folder() as folder, Ledgers(new_ledger(folder), clock) as ledgers:
        store = ledgers.open()
        run = plan(store, *(f"reader{n}" for n in range(300)))
        store.writer.do(lambda batch: leave_free(2, batch))
        with ThreadPoolExecutor(max_workers=1) as pool:
            sending = pool.submit(sender(store, clock, [post], stop=stop).send, scope(run))
            until_it_goes_on(post)
            until_nothing_goes_on(post)
            stop.ask()
            with pytest.raises(StateBusyError, match="its disk is full"):
                sending.result(10)
        store.close()
        got = recipients(post.accepted)
        assert 0 < len(got) < 300
        there_is_room = ledgers.open()
        post.accepted.clear()
        sender(there_is_room, clock, [post], policy=HOLD).send(scope(run))
        assert not set(got) & set(recipients(post.accepted)), "nobody got a second copy"
        assert set(there_is_room.ledger.counts(run.row)) <= {State.SENT, State.HELD}
