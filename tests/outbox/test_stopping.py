"""Being told to stop: nothing new is risked, and an answer that is due is waited for."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryState as State
from digest.core.outbox import OnUncertain
from digest.outbox.stopping import GRACE, Stop
from tests.support.ledgers import LOST, SENT, Clock, Post, plan, scope, sender, states

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.core.content import Parcel
    from digest.store.opened import Store
    from digest.store.rows import Run

HOLD = OnUncertain.HOLD


def asked(times: int, grace: float = GRACE) -> Stop:
    stop = Stop(grace=grace)
    for _ in range(times):
        stop.ask()
    return stop


@pytest.mark.parametrize(
    ("stop", "is_asked", "is_now", "is_overdue"),
    [
        pytest.param(lambda: asked(0), False, False, False, id="not told"),
        pytest.param(lambda: asked(0, grace=-1.0), False, False, False, id="not told, no grace"),
        pytest.param(lambda: asked(1), True, False, False, id="told once"),
        pytest.param(lambda: asked(1, grace=-1.0), True, False, True, id="told once, grace over"),
        pytest.param(lambda: asked(2), True, True, True, id="told twice"),
        pytest.param(lambda: asked(3), True, True, True, id="told three times"),
    ],
)
def test_told_once_it_ends_in_order_and_told_twice_at_once(
    stop: Callable[[], Stop],
    is_asked: bool,  # noqa: FBT001 — a column of the table
    is_now: bool,  # noqa: FBT001 — as above
    is_overdue: bool,  # noqa: FBT001 — as above
) -> None:
    told = stop()
    assert (told.asked, told.now, told.overdue) == (is_asked, is_now, is_overdue)


@pytest.mark.parametrize("seconds", [0.0, -5.0, 0.01])
def test_waiting_ends_with_its_time(seconds: float) -> None:
    assert not Stop().wait(seconds)


def test_waiting_ends_with_a_stop() -> None:
    assert asked(1).wait(600.0)


@dataclass(slots=True)
class Slow:
    """A channel that rests at one point until a test lets it go on, and its sender in a thread."""

    store: Store
    run: Run
    stop: Stop
    post: Post
    resting: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def rest(self, _parcel: Parcel) -> None:
        self.resting.set()
        self.go_on.wait(10)

    def send(self) -> None:
        sender(self.store, Clock(), [self.post], stop=self.stop, policy=HOLD).send(scope(self.run))

    def go_to_the_end(self) -> None:
        self.go_on.set()
        for thread in threading.enumerate():
            if thread.name.startswith("digest-channel"):
                thread.join(10)


def slow(store: Store, *, grace: float, rests: str = "on_taken") -> Slow:
    made = Slow(store, plan(store, "ana", "ben"), Stop(grace=grace), Post())
    setattr(made.post, rests, made.rest)
    return made


def test_told_to_stop_before_it_begins_nothing_is_taken_up(store: Store, clock: Clock) -> None:
    run, stop = plan(store, "ana"), Stop()
    stop.ask()
    post = Post()
    sender(store, clock, [post], stop=stop).send(scope(run))
    assert (post.tried, states(store, run)) == ([], {"ana": "planned"})


def test_told_to_stop_before_it_is_at_risk_it_is_handed_back(store: Store, clock: Clock) -> None:
    run, stop = plan(store, "ana", "ben", "eva"), Stop()
    post = Post(on_begin=lambda parcel: stop.ask() if parcel.key.recipient == "ben" else None)
    sender(store, clock, [post], stop=stop).send(scope(run))
    assert states(store, run) == {"ana": "sent", "ben": "planned", "eva": "planned"}
    assert [parcel.key.recipient for parcel in post.accepted] == ["ana"]
    ben, eva = store.ledger.deliveries(scope(run))[1:]
    assert (ben.attempts, eva.attempts) == (1, 0)


def test_told_to_stop_the_answer_of_what_is_at_risk_is_waited_for(store: Store) -> None:
    it = slow(store, grace=30.0)
    with ThreadPoolExecutor(max_workers=1) as pool:
        sending = pool.submit(it.send)
        assert it.resting.wait(10)
        assert it.stop.sending
        it.stop.ask()
        with pytest.raises(TimeoutError):
            sending.result(0.3)
        it.go_on.set()
        sending.result(10)
    assert not it.stop.sending
    assert states(store, it.run) == {"ana": "sent", "ben": "planned"}


@pytest.mark.parametrize(
    ("grace", "asks"),
    [pytest.param(0.05, 1, id="the grace is over"), pytest.param(600.0, 2, id="told twice")],
)
def test_an_answer_that_is_not_waited_for_any_more_is_unknown_and_changes_nothing(
    store: Store, grace: float, asks: int
) -> None:
    it = slow(store, grace=grace)
    with ThreadPoolExecutor(max_workers=1) as pool:
        sending = pool.submit(it.send)
        assert it.resting.wait(10)
        for _ in range(asks):
            it.stop.ask()
        sending.result(10)
    ana, ben = store.ledger.deliveries(scope(it.run))
    assert (ana.state, ana.uncertain) == (State.UNCERTAIN, 1)
    assert ana.last_error == "digest stopped before an answer came"
    assert ben.state is State.PLANNED
    it.go_to_the_end()
    assert store.ledger.deliveries(scope(it.run)) == [ana, ben]


def test_whoever_was_armed_and_given_up_before_it_wrote_writes_nothing(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    it = slow(store, grace=0.0, rests="on_arm")
    with ThreadPoolExecutor(max_workers=1) as pool:
        sending = pool.submit(it.send)
        assert it.resting.wait(10)
        it.stop.ask()
        sending.result(10)
    it.go_to_the_end()
    assert it.post.accepted == []
    assert states(store, it.run)["ana"] == "uncertain"
    assert caplog.records == []


def test_told_to_stop_what_nobody_knows_is_left_for_the_next_start(
    store: Store, clock: Clock
) -> None:
    run, stop = plan(store, "ana"), Stop()
    post = Post(script={"ana": [LOST, SENT]}, on_arm=lambda _parcel: stop.ask())
    sender(store, clock, [post], stop=stop).send(scope(run))
    assert states(store, run) == {"ana": "uncertain"}
    assert post.looked == []
