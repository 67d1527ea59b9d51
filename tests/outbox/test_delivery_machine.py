"""Random histories of the real ledger, with processes that die at any point, against the laws."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from digest.core.content import DeliveryState as State
from digest.core.content import Look, Outcome, Sighting
from digest.core.outbox import LOOK_AGAIN, OPEN, Decision, OnUncertain, when_uncertain
from digest.store import upkeep
from digest.store.opening import open_sender
from digest.store.reading import Scope
from tests.outbox.laws import Truth, laws_hold, on_disk
from tests.store.databases import lose_unwritten, new_ledger, quick_folder
from tests.support.ledgers import (
    DOWN,
    LATER,
    LOST,
    NOW,
    REFUSED,
    SENT,
    Clock,
    Post,
    new_run,
    plan,
    sender,
    written,
)

if TYPE_CHECKING:
    from concurrent.futures import Future

    from digest.core.outbox import Delivery
    from digest.store.ledger import Leased
    from digest.store.opened import Store
    from tests.outbox.laws import Row

One = TypeVar("One")

RESEND, HOLD = OnUncertain.RESEND, OnUncertain.HOLD
READERS = ("ana", "ben")
MOST_RUNS = 2
HOUR = timedelta(hours=1)
TOO_LARGE = Outcome(state=State.RETRY_WAIT, detail="552 too big", code="552", too_large=True)
IN_HAND = {State.LEASED, State.SENDING, State.AT_RISK}

NO = {"refused": REFUSED, "later": LATER, "too large": TOO_LARGE}

number = st.integers(0, 99)  # which one of those that can be meant
yes_or_no = st.booleans()
how_far = st.sampled_from([3, 3, 0, 1, 2, 4])
an_end = st.sampled_from(["no answer", "no answer", "answer", "hand back", *NO])
takes_it = st.sampled_from([True, True, False])
some_readers = st.sets(st.sampled_from(READERS), min_size=1)


@dataclass(slots=True)
class Hand:
    """A delivery that the process has in hand, and what the server did with it."""

    leased: Leased
    written: bool = False
    taken: bool = False


class DeliveryMachine(RuleBasedStateMachine):
    """One sender at a time, one server that takes a message or does not, a person who decides."""

    def __init__(self) -> None:
        super().__init__()
        self.leaving = ExitStack()
        self.place = new_ledger(self.leaving.enter_context(quick_folder()))
        self.clock = Clock()
        self.store = self._open()
        self.truth = Truth()
        self.runs: list[int] = []
        self.unwanted: set[str] = set()
        self.hands: dict[int, Hand] = {}
        self.lost: list[Leased] = []
        self.seen: list[Row] = []

    @initialize(policy=st.sampled_from([RESEND, RESEND, HOLD]), readers=some_readers)
    def begin_with(self, policy: OnUncertain, readers: set[str]) -> None:
        self.truth.policy = policy
        self.plan(readers)

    # What the process does

    @precondition(lambda self: len(self.runs) < MOST_RUNS)
    @rule(readers=some_readers)
    def plan(self, readers: set[str]) -> None:
        period = f"2026-W{len(self.runs) + 1:02}"
        run = plan(self.store, *sorted(readers), period=period, deadline=NOW + 4 * HOUR)
        assert self.store.ledger.plan(new_run(period=period), []) is None, "it is there already"
        self.runs.append(run.row)
        held = self.store.ledger.deliveries(Scope(runs=(run.row,)))
        self.truth.keys |= {one.key.digest for one in held}

    @rule(which=number, steps=how_far, takes=takes_it, end=an_end | st.none())
    def work_on_one(self, which: int, steps: int, takes: bool, end: str | None) -> None:  # noqa: FBT001 — drawn
        if not self.hands:
            self._lease(early=True)
        if self.hands:
            self._work(_pick(list(self.hands.values()), which), steps, end, takes=takes)

    @rule(steps=how_far, takes=takes_it, end=an_end)
    def work_on_all(self, steps: int, takes: bool, end: str) -> None:  # noqa: FBT001 — drawn
        self._lease(early=False)
        for hand in list(self.hands.values()):
            self._work(hand, steps, end, takes=takes)

    @rule(sighting=st.sampled_from(Sighting), lasting=yes_or_no, patient=yes_or_no)
    def look(self, sighting: Sighting, lasting: bool, patient: bool) -> None:  # noqa: FBT001 — drawn
        """Look for all that may have arrived, and perhaps once more when it is time."""
        for _ in range(2 if patient else 1):
            for held in self._in(State.UNCERTAIN):
                self._look(held, sighting, lasting=lasting)
            self.clock.now += LOOK_AGAIN

    # Dying, and what is left

    @rule(which=number, steps=how_far, takes=takes_it, while_writing=yes_or_no)
    def die_at_work(self, which: int, steps: int, takes: bool, while_writing: bool) -> None:  # noqa: FBT001 — drawn
        self._lease(early=True)
        if self.hands:
            hand = _pick(list(self.hands.values()), which)
            self._work(hand, steps, None, takes=takes)
            if while_writing:
                self._ask_for_the_next_move(hand)
        self._crash()

    @precondition(lambda self: self.lost)
    @rule(which=number, at=st.sampled_from(sorted(IN_HAND)), how=number)
    def go_on_with_what_was_lost(self, which: int, at: State, how: int) -> None:
        lost = replace(_pick(self.lost, which), at=at)
        before, ledger = self._rows(), self.store.ledger
        match how % 4:
            case 0 if at is State.LEASED:
                moved = written(self.store, ledger.begin(lost))
            case 1 if at is not State.LEASED:
                moved = ledger.arm(lost)
            case 2 if at is not State.AT_RISK:
                moved = written(self.store, ledger.hand_back(lost))
            case _:
                moved = written(
                    self.store, ledger.settle(lost, SENT if at is State.AT_RISK else LATER)
                )
        assert not moved
        assert self._rows() == before

    # What a person says

    @precondition(lambda self: self._saw(State.HELD))
    @rule(state=st.sampled_from([State.PLANNED, State.PLANNED, State.SENT, State.SKIPPED]))
    def a_person_decides(self, state: State) -> None:
        for held in self._in(State.HELD):
            self._resolve(held, Decision(state=state, reason="a person said so"))
            self.truth.orders[held.row] += state is State.PLANNED
            if state is State.SENT:
                self.truth.confirmed.add(held.row)

    @precondition(lambda self: self._saw(State.FAILED, State.DEAD, State.HELD, State.SENT))
    @rule(which=number)
    def a_person_sends_it_anew(self, which: int) -> None:
        held = _pick(self._in(State.FAILED, State.DEAD, State.HELD, State.SENT), which)
        later = self.clock.now + HOUR
        (row,) = self.store.writer.do(
            lambda batch: upkeep.resend(batch, [held], later, self.clock())
        )
        (new,) = self.store.ledger.deliveries(Scope(runs=(held.run,), rows=frozenset({row})))
        assert new.key.digest not in self.truth.keys
        self.truth.keys.add(new.key.digest)

    # The world

    @rule(minutes=st.sampled_from([0.5, 1, 1, 15, 60]), config_changes=st.sampled_from([0, 0, 1]))
    def time_passes(self, minutes: float, config_changes: int) -> None:
        self.clock.go(minutes=minutes)
        if config_changes:
            self.unwanted ^= {READERS[-1]}

    # What always holds

    @invariant()
    def the_laws_hold(self) -> None:
        self.seen = self._rows()
        laws_hold(self.seen, self.truth)

    def teardown(self) -> None:
        """Whatever was planned comes to an end, and all still holds."""
        try:
            self._crash()
            self.clock.go(minutes=1)
            post = Post(name="mail")
            sending = sender(self.store, self.clock, [post], policy=self.truth.policy)
            sending.send(Scope(runs=tuple(self.runs), early=True))
            self.truth.copies.update(parcel.key.digest for parcel in post.accepted)
            rows = self._rows()
            laws_hold(rows, self.truth)
            assert not [row for row in rows if row.state in OPEN]
        finally:
            self.store.close()
            self.leaving.close()

    def _crash(self) -> None:
        for hand in list(self.hands.values()):
            self._lose(hand)
        lose_unwritten(self.store.writer)
        self.store.close()
        self.store = self._open()
        assert not [row for row in self._rows() if row.state in IN_HAND]

    def _open(self) -> Store:
        return open_sender(self.place, command="a test", clock=self.clock)

    def _rows(self) -> list[Row]:
        assert self.place.path is not None
        return on_disk(self.place.path)

    def _saw(self, *states: State) -> bool:
        """Whether there are such deliveries, as of the last step."""
        return any(row.state in states for row in self.seen)

    def _in(self, *states: State) -> list[Delivery]:
        return self.store.ledger.deliveries(Scope(runs=tuple(self.runs)), states)

    def _lease(self, *, early: bool) -> None:
        leased = self.store.ledger.lease(
            Scope(runs=tuple(self.runs), early=early),
            "mail",
            after=0,
            most=2,
            wanted=lambda held: held.key.recipient not in self.unwanted,
        )
        for one in leased:
            assert one.delivery.row not in self.hands
            self.hands[one.delivery.row] = Hand(one)

    def _work(self, hand: Hand, steps: int, end: str | None, *, takes: bool) -> None:
        """Some steps on a delivery's way; then, with an end, what the server says or we do."""
        for _ in range(steps):
            match hand.leased.at:
                case State.LEASED:
                    assert written(self.store, self.store.ledger.begin(hand.leased))
                case State.SENDING:
                    assert self.store.ledger.arm(hand.leased)
                case _ if hand.written:
                    assert self.store.ledger.arm(hand.leased), "anew: it took its time"
                case _:
                    self._write_to_the_server(hand, takes=takes)
        if end == "hand back" and hand.leased.at is not State.AT_RISK:
            self._lose(hand)
            assert written(self.store, self.store.ledger.hand_back(hand.leased))
        elif end is not None:
            assert written(self.store, self._settle(hand, _outcome(hand, end)))

    def _look(self, held: Delivery, sighting: Sighting, *, lasting: bool) -> None:
        if sighting is Sighting.FOUND and not self.truth.copies[held.key.digest]:
            sighting = Sighting.ABSENT  # whereas what is there may be overlooked
        look = Look(sighting=sighting, lasting=lasting)
        self._resolve(held, when_uncertain(held, look, self.truth.policy, self.clock(), LOOK_AGAIN))

    def _write_to_the_server(self, hand: Hand, *, takes: bool) -> None:
        held = hand.leased.delivery
        (row,) = (row for row in self._rows() if row.row == held.row)
        assert (row.state, row.fence) == (State.AT_RISK, held.fence), "it is durable before"
        hand.written, hand.taken = True, takes
        self.truth.copies[held.key.digest] += takes

    def _lose(self, hand: Hand) -> None:
        """From now on it is not ours any more."""
        del self.hands[hand.leased.delivery.row]
        self.lost.append(replace(hand.leased))

    def _settle(self, hand: Hand, outcome: Outcome) -> Future[bool]:
        self._lose(hand)
        if hand.leased.at is State.AT_RISK and outcome.state in {State.RETRY_WAIT, State.FAILED}:
            self.truth.refusals[hand.leased.delivery.row] += 1
        return self.store.ledger.settle(hand.leased, outcome)

    def _ask_for_the_next_move(self, hand: Hand) -> None:
        """Without waiting until it is written."""
        if hand.leased.at is State.LEASED:
            self.store.ledger.begin(hand.leased)
        else:
            self._settle(hand, _outcome(hand, "answer"))

    def _resolve(self, held: Delivery, decision: Decision) -> None:
        nothing = {"reference": None, "place": None, "remarks": None}
        found = nothing if decision.state is State.SENT else {}
        assert self.store.ledger.resolve(held, decision, **found)


def _outcome(hand: Hand, end: str) -> Outcome:
    """What the end comes to, as far as the delivery had come; a server that took it says so."""
    match hand.leased.at:
        case State.LEASED:
            return DOWN
        case State.AT_RISK if end == "no answer":
            return LOST
        case State.AT_RISK if hand.taken:
            return SENT
        case _:
            return NO.get(end, LATER)


def _pick(among: list[One], which: int) -> One:
    return among[which % len(among)]


TestDeliveryMachine = DeliveryMachine.TestCase
TestDeliveryMachine.settings = settings(max_examples=50, stateful_step_count=30)
