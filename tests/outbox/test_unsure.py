"""Unknown outcomes: looked for where that can be done, then sent again or held."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryState as State
from digest.core.content import Look, Sighting
from digest.core.outbox import LOOK_AGAIN, OnUncertain
from digest.errors import DeliveryError
from digest.outbox.stopping import Stop
from digest.outbox.unsure import Unsure
from tests.support.ledgers import LOST, NOW, Clock, Post, only, plan, scope, sender, states

if TYPE_CHECKING:
    from digest.core.content import Parcel
    from digest.store.opened import Store
    from digest.store.rows import Run

RESEND, HOLD = OnUncertain.RESEND, OnUncertain.HOLD
ABSENT = Look(sighting=Sighting.ABSENT)
GONE = Look(sighting=Sighting.ABSENT, lasting=True)
UNKNOWN = Look(sighting=Sighting.UNKNOWN, detail="the history can't be read")
FOUND = Look(
    sighting=Sighting.FOUND, reference="171.2", place="C123", remarks=("the chart is missing",)
)


@dataclass(slots=True)
class Patient(Stop):
    """Nobody stops us, and all waiting is done by moving the clock."""

    clock: Clock = field(default_factory=Clock)
    waited: list[float] = field(default_factory=list)

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.clock.go(seconds=seconds)
        return False


@pytest.fixture
def patient(clock: Clock) -> Patient:
    return Patient(clock=clock)


def lost(*looks: Look) -> Post:
    """A channel that takes a message, loses its answer, and can be looked into."""
    return Post(script={"ana": [LOST]}, looks=list(looks))


def send(store: Store, stop: Patient, post: Post, policy: OnUncertain = RESEND) -> Run:
    run = plan(store, "ana")
    sender(store, stop.clock, [post], stop=stop, policy=policy).send(scope(run))
    return run


@pytest.mark.parametrize("policy", list(OnUncertain))
def test_what_is_found_is_sent_and_not_sent_again(
    store: Store, patient: Patient, policy: OnUncertain
) -> None:
    post = lost(FOUND)
    run = send(store, patient, post, policy)
    held = only(store, run)
    assert (held.state, held.uncertain, held.attempts) == (State.SENT, 1, 1)
    assert (held.reference, held.place) == ("171.2", "C123")
    assert held.remarks == ("the chart is missing",)
    assert len(post.accepted) == 1
    assert patient.waited == []


def test_what_is_found_without_its_place_keeps_the_one_that_was_known(
    store: Store, patient: Patient
) -> None:
    post = lost(Look(sighting=Sighting.FOUND))
    held = only(store, send(store, patient, post))
    assert (held.state, held.reference, held.place) == (State.SENT, None, None)


def test_who_looks_is_given_what_was_sent_and_when(store: Store, patient: Patient) -> None:
    post = lost(FOUND)
    send(store, patient, post)
    (looked,), (accepted,) = post.looked, post.accepted
    assert looked == replace(accepted, armed_at=NOW)


def test_what_is_not_found_is_looked_for_again_after_a_while_and_then_sent_again(
    store: Store, patient: Patient
) -> None:
    post = lost(ABSENT, ABSENT)
    run = send(store, patient, post)
    assert states(store, run) == {"ana": "sent"}
    assert patient.waited == [LOOK_AGAIN.total_seconds()]
    assert (len(post.looked), len(post.accepted)) == (2, 2)


def test_what_is_found_at_the_second_look_is_not_sent_again(store: Store, patient: Patient) -> None:
    post = lost(ABSENT, FOUND)
    run = send(store, patient, post)
    assert states(store, run) == {"ana": "sent"}
    assert len(post.accepted) == 1


def test_what_is_not_found_twice_is_held_where_that_is_the_policy(
    store: Store, patient: Patient
) -> None:
    post = lost(ABSENT, ABSENT)
    run = send(store, patient, post, HOLD)
    held = only(store, run)
    assert held.state is State.HELD
    assert held.last_error == "not found in the channel; held, as on_uncertain says"
    assert len(post.accepted) == 1


def test_an_absence_that_lasts_needs_no_second_look(store: Store, patient: Patient) -> None:
    post = lost(GONE)
    run = send(store, patient, post)
    assert states(store, run) == {"ana": "sent"}
    assert (len(post.looked), patient.waited) == (1, [])


@pytest.mark.parametrize(("policy", "copies"), [(RESEND, 2), (HOLD, 1)])
def test_where_nobody_can_look_the_policy_decides_at_once(
    store: Store, patient: Patient, policy: OnUncertain, copies: int
) -> None:
    post = lost(UNKNOWN)
    run = send(store, patient, post, policy)
    assert len(post.accepted) == copies
    assert patient.waited == []
    if policy is HOLD:
        said = "the history can't be read; held, as on_uncertain says"
        assert only(store, run).last_error == said


def uncertain(store: Store, *readers: str) -> Run:
    """A run whose messages were handed over, and no answer came."""
    run = plan(store, *readers)
    for leased in store.ledger.lease(
        scope(run), "mail", after=0, most=99, wanted=lambda _held: True
    ):
        store.ledger.begin(leased)
        store.ledger.arm(leased)
        store.ledger.settle(leased, LOST).result()
    return run


def settle(store: Store, run: Run, stop: Stop, post: Post) -> None:
    clock = stop.clock if isinstance(stop, Patient) else Clock()
    Unsure(
        ledger=store.ledger,
        policy=RESEND,
        gap=timedelta(seconds=30),
        clock=clock,
        stop=stop,
    ).settle(scope(run), lambda _name: post)


def test_a_channel_that_cannot_be_opened_cannot_be_looked_into(store: Store) -> None:
    run = uncertain(store, "ana")

    def no_channel(name: str) -> Post:
        raise DeliveryError(f"the token of {name} can't be read")

    Unsure(ledger=store.ledger, policy=HOLD, gap=LOOK_AGAIN, clock=Clock(), stop=Stop()).settle(
        scope(run), no_channel
    )
    held = only(store, run)
    assert held.state is State.HELD
    assert held.last_error == "the token of mail can't be read; held, as on_uncertain says"


def test_all_are_looked_for_before_any_is_waited_for(store: Store, patient: Patient) -> None:
    run = uncertain(store, "ana", "ben")
    post = Post(looks=[ABSENT, ABSENT, FOUND, ABSENT])
    settle(store, run, patient, post)
    assert [parcel.key.recipient for parcel in post.looked] == ["ana", "ben", "ana", "ben"]
    assert patient.waited == [30.0]
    assert states(store, run) == {"ana": "sent", "ben": "planned"}


def test_told_to_stop_it_looks_no_further(store: Store) -> None:
    run, stop = uncertain(store, "ana", "ben"), Stop()

    @dataclass(slots=True)
    class Stopping(Post):
        def look(self, parcel: Parcel) -> Look:
            stop.ask()
            return Post.look(self, parcel)

    settle(store, run, stop, Stopping(looks=[FOUND, FOUND]))
    assert states(store, run) == {"ana": "sent", "ben": "uncertain"}


def test_told_to_stop_it_does_not_wait_for_the_second_look(store: Store) -> None:
    run = uncertain(store, "ana")

    @dataclass(slots=True)
    class Interrupted(Stop):
        def wait(self, seconds: float) -> bool:
            self.ask()
            return Stop.wait(self, seconds)

    post = Post(looks=[ABSENT])
    settle(store, run, Interrupted(), post)
    held = only(store, run)
    assert (held.state, held.looks, len(post.looked)) == (State.UNCERTAIN, 1, 1)


def test_the_first_look_of_an_earlier_process_counts(store: Store, patient: Patient) -> None:
    run = uncertain(store, "ana")

    @dataclass(slots=True)
    class Interrupted(Stop):
        def wait(self, seconds: float) -> bool:
            del seconds
            self.ask()
            return True

    settle(store, run, Interrupted(), Post(looks=[ABSENT]))
    patient.clock.go(minutes=5)
    post = Post(looks=[ABSENT])
    settle(store, run, patient, post)
    assert states(store, run) == {"ana": "planned"}
    assert (len(post.looked), patient.waited) == (1, [])


def test_how_far_it_has_come_is_told(store: Store, patient: Patient) -> None:
    run = uncertain(store, "ana", "ben")
    told: list[tuple[str, int, int]] = []
    Unsure(
        ledger=store.ledger,
        policy=HOLD,
        gap=LOOK_AGAIN,
        clock=patient.clock,
        stop=patient,
        progress=lambda *said: told.append(said),
    ).settle(scope(run), lambda _name: Post())
    assert told == [("looking whether it arrived", 1, 2), ("looking whether it arrived", 2, 2)]


def test_every_decision_is_logged_with_its_delivery(
    store: Store, patient: Patient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "digest.outbox.unsure")
    run = send(store, patient, lost(FOUND))
    said = [
        (record.message, record.__dict__["action"], record.__dict__["key"])
        for record in caplog.records
    ]
    digest = only(store, run).key.digest
    assert said == [("an unknown outcome: found in the channel", "uncertain_sent", digest)]
