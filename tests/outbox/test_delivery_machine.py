"""Random histories of the real ledger, with processes that die at any point, against the laws."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
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
    from digest.store.opening import Store
    from tests.outbox.laws import Row

One = TypeVar("One")

READERS = ("ana", "ben", "eva")
MOST_RUNS = 3
TOO_LARGE = Outcome(state=State.RETRY_WAIT, detail="552 too big", code="552", too_large=True)
IN_HAND = {State.LEASED, State.SENDING, State.AT_RISK}

number = st.integers(0, 99)  # which one of those that can be meant
yes_or_no = st.booleans()


@dataclass(slots=True)
class Hand:
    """A delivery that the process has in hand, and what the server did with it."""

    leased: Leased
    written: bool = False
    taken: bool = False

    @property
    def can_be_refused(self) -> bool:
        return self.leased.at in {State.SENDING, State.AT_RISK} and not self.taken


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

    @initialize(policy=st.sampled_from(OnUncertain))
    def configure(self, policy: OnUncertain) -> None:
        self.truth.policy = policy

    # What the process does

    @precondition(lambda self: len(self.runs) < MOST_RUNS)
    @rule(readers=st.sets(st.sampled_from(READERS), min_size=1))
    def plan(self, readers: set[str]) -> None:
        deadline = self.clock.now.replace(hour=12)
        period = f"2026-W{len(self.runs) + 1:02}"
        run = plan(self.store, *sorted(readers), period=period, deadline=deadline)
        self.runs.append(run.row)
        held = self.store.ledger.deliveries(Scope(runs=(run.row,)))
        self.truth.keys |= {one.key.digest for one in held}

    @precondition(lambda self: self.runs)
    @rule()
    def plan_the_same_again(self) -> None:
        assert self.store.ledger.plan(new_run(period="2026-W01"), []) is None

    @rule(most=st.integers(1, 3))
    def lease(self, most: int) -> None:
        leased = self.store.ledger.lease(
            Scope(runs=tuple(self.runs)),
            "mail",
            after=0,
            most=most,
            wanted=lambda held: held.key.recipient not in self.unwanted,
        )
        for one in leased:
            assert one.delivery.row not in self.hands
            self.hands[one.delivery.row] = Hand(one)

    @precondition(lambda self: self._in_hand(State.LEASED))
    @rule(which=number)
    def begin(self, which: int) -> None:
        hand = _pick(self._in_hand(State.LEASED), which)
        assert written(self.store, self.store.ledger.begin(hand.leased))

    @precondition(lambda self: self._in_hand(State.SENDING, State.AT_RISK))
    @rule(which=number)
    def arm(self, which: int) -> None:
        hand = _pick(self._in_hand(State.SENDING, State.AT_RISK), which)
        assert self.store.ledger.arm(hand.leased)

    @precondition(lambda self: self._in_hand(State.AT_RISK, written=False))
    @rule(which=number, takes=yes_or_no)
    def write_to_the_server(self, which: int, takes: bool) -> None:  # noqa: FBT001 — drawn
        hand = _pick(self._in_hand(State.AT_RISK, written=False), which)
        held = hand.leased.delivery
        (row,) = (row for row in self._rows() if row.row == held.row)
        assert (row.state, row.fence) == (State.AT_RISK, held.fence)
        hand.written, hand.taken = True, takes
        self.truth.copies[held.key.digest] += takes

    # What the server answers

    @precondition(lambda self: self._in_hand(State.AT_RISK, taken=True))
    @rule(which=number)
    def answer_yes(self, which: int) -> None:
        hand = _pick(self._in_hand(State.AT_RISK, taken=True), which)
        assert written(self.store, self._settle(hand, SENT))

    @precondition(lambda self: self._refusable())
    @rule(which=number, no=st.sampled_from([REFUSED, LATER, TOO_LARGE]))
    def answer_no(self, which: int, no: Outcome) -> None:
        assert written(self.store, self._settle(_pick(self._refusable(), which), no))

    @precondition(lambda self: self._in_hand(State.AT_RISK))
    @rule(which=number)
    def no_answer(self, which: int) -> None:
        assert written(self.store, self._settle(_pick(self._in_hand(State.AT_RISK), which), LOST))

    @precondition(lambda self: self._in_hand(State.LEASED))
    @rule(which=number)
    def no_connection(self, which: int) -> None:
        assert written(self.store, self._settle(_pick(self._in_hand(State.LEASED), which), DOWN))

    @precondition(lambda self: self._in_hand(State.LEASED, State.SENDING))
    @rule(which=number)
    def hand_back(self, which: int) -> None:
        hand = _pick(self._in_hand(State.LEASED, State.SENDING), which)
        self._lose(hand)
        assert written(self.store, self.store.ledger.hand_back(hand.leased))

    # Dying, and what is left

    @rule(which=number, while_writing=yes_or_no)
    def crash(self, which: int, while_writing: bool) -> None:  # noqa: FBT001 — drawn
        if while_writing and self.hands:
            self._begin_to_write(_pick(list(self.hands.values()), which))
        for hand in list(self.hands.values()):
            self._lose(hand)
        lose_unwritten(self.store.writer)
        self.store.close()
        self.store = self._open()
        assert not [row for row in self._rows() if row.state in IN_HAND]

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

    # What nobody knows, and what a person says

    @precondition(lambda self: self._saw(State.UNCERTAIN))
    @rule(which=number, sighting=st.sampled_from(Sighting), lasting=yes_or_no)
    def look(self, which: int, sighting: Sighting, lasting: bool) -> None:  # noqa: FBT001 — drawn
        held = _pick(self._in(State.UNCERTAIN), which)
        if sighting is Sighting.FOUND and not self.truth.copies[held.key.digest]:
            sighting = Sighting.ABSENT
        look = Look(sighting=sighting, lasting=lasting)
        self._resolve(held, when_uncertain(held, look, self.truth.policy, self.clock(), LOOK_AGAIN))

    @precondition(lambda self: self._saw(State.HELD))
    @rule(which=number, state=st.sampled_from([State.SENT, State.PLANNED, State.SKIPPED]))
    def a_person_decides(self, which: int, state: State) -> None:
        held = _pick(self._in(State.HELD), which)
        self._resolve(held, Decision(state=state, reason="a person said so"))
        self.truth.orders[held.row] += state is State.PLANNED
        if state is State.SENT:
            self.truth.confirmed.add(held.row)

    @precondition(lambda self: self._saw(State.FAILED, State.DEAD, State.HELD, State.SENT))
    @rule(which=number)
    def a_person_sends_it_anew(self, which: int) -> None:
        held = _pick(self._in(State.FAILED, State.DEAD, State.HELD, State.SENT), which)
        later = self.clock.now.replace(hour=22)
        (row,) = self.store.writer.do(
            lambda batch: upkeep.resend(batch, [held], later, self.clock())
        )
        (new,) = self.store.ledger.deliveries(Scope(runs=(held.run,), rows=frozenset({row})))
        assert new.key.digest not in self.truth.keys
        self.truth.keys.add(new.key.digest)

    # The world

    @rule(minutes=st.sampled_from([0.5, 1, 15, 60, 240]))
    def time_passes(self, minutes: float) -> None:
        if self.clock.now.hour < 16:
            self.clock.go(minutes=minutes)

    @rule(reader=st.sampled_from(READERS))
    def the_config_changes(self, reader: str) -> None:
        self.unwanted ^= {reader}

    # What always holds

    @invariant()
    def the_laws_hold(self) -> None:
        self.seen = self._rows()
        laws_hold(self.seen, self.truth)

    def teardown(self) -> None:
        """Whatever was planned comes to an end, and all still holds."""
        try:
            self.crash(0, while_writing=False)
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

    def _in_hand(self, *states: State, **facts: bool) -> list[Hand]:
        return [
            hand
            for hand in self.hands.values()
            if hand.leased.at in states
            and all(getattr(hand, name) is fact for name, fact in facts.items())
        ]

    def _refusable(self) -> list[Hand]:
        return [hand for hand in self.hands.values() if hand.can_be_refused]

    def _lose(self, hand: Hand) -> None:
        """From now on it is not ours any more."""
        del self.hands[hand.leased.delivery.row]
        self.lost.append(replace(hand.leased))

    def _settle(self, hand: Hand, outcome: Outcome) -> Future[bool]:
        self._lose(hand)
        if hand.leased.at is State.AT_RISK and outcome.state in {State.RETRY_WAIT, State.FAILED}:
            self.truth.refusals[hand.leased.delivery.row] += 1
        return self.store.ledger.settle(hand.leased, outcome)

    def _begin_to_write(self, hand: Hand) -> None:
        """Ask for the next move, and don't wait until it is written."""
        match hand.leased.at:
            case State.LEASED:
                self.store.ledger.begin(hand.leased)
            case State.AT_RISK if hand.taken:
                self._settle(hand, SENT)
            case _:
                self._settle(hand, LATER)

    def _resolve(self, held: Delivery, decision: Decision) -> None:
        nothing = {"reference": None, "place": None, "remarks": None}
        found = nothing if decision.state is State.SENT else {}
        assert self.store.ledger.resolve(held, decision, **found)


def _pick(among: list[One], which: int) -> One:
    return among[which % len(among)]


TestDeliveryMachine = DeliveryMachine.TestCase
TestDeliveryMachine.settings = settings(max_examples=50, stateful_step_count=30)
