"""The outbox's side of a delivery, for tests of channels: it hands out, writes down, refuses.

passage = LoggedPassage(made, envelope("ana@example.com"), unarmed=["ana@example.com"])
made.deliver(passage)
assert passage.calls == [("begin", "ana@example.com"), ...]
assert passage.results()[0].state is DeliveryState.RETRY_WAIT

(result,) = sent(made, envelope("ana@example.com"))  # all at once
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from digest.core.content import DeliveryKey, DeliveryState, Frozen, Outcome, Parcel
from digest.core.outbox import MOVES
from digest.errors import DeliveryError, NotArmedError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from digest.core.content import Channel, Envelope

_ENDS = frozenset(
    {
        DeliveryState.SENT,
        DeliveryState.RETRY_WAIT,
        DeliveryState.FAILED,
        DeliveryState.UNCERTAIN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the outbox knows of one delivery in the end."""

    key: DeliveryKey
    state: DeliveryState
    detail: str = ""
    remarks: tuple[str, ...] = ()
    reference: str | None = None
    place: str | None = None
    code: str = ""
    retry_after: float | None = None
    fault: bool = False
    passing: bool = True
    too_large: bool = False


class LoggedPassage:
    """A `Passage` over some envelopes. Breaking its rules (`outbox.MOVES`) fails in `results`.

    `unbegun`, `unarmed` and `stale` are recipients for whom `begin` and `arm` raise NotArmedError
    and `still_fresh` says no; `stops` gives no more parcels after such a refusal, as an outbox
    does that has been told to stop. `small` asks for the smaller form of everything, and
    `changes` are further fields of every parcel. `on_arm` is called once a parcel is armed.
    `calls` are all calls but `take`, as (name, recipient), with those that were refused.
    """

    def __init__(
        self,
        channel: Channel,
        *envelopes: Envelope,
        unbegun: Collection[str] = (),
        unarmed: Collection[str] = (),
        stale: Collection[str] = (),
        stops: bool = False,
        small: bool = False,
        changes: Mapping[str, Any] | None = None,
        on_arm: Callable[[Parcel], object] | None = None,
    ) -> None:
        self.calls: list[tuple[str, str]] = []
        self.outcomes: dict[DeliveryKey, Outcome] = {}
        self.frozen: dict[DeliveryKey, Frozen] = {}
        self.unfit: dict[DeliveryKey, str] = {}
        self.taken: list[Parcel] = []
        self.broken_rules: list[str] = []
        self._envelopes = envelopes
        self._unbegun, self._unarmed, self._stale = unbegun, unarmed, stale
        self._stops, self._stopped = stops, False
        self._on_arm = on_arm
        self._states: dict[DeliveryKey, DeliveryState] = {}
        self._fault: Outcome | None = None
        self._lock = threading.Lock()
        self._waiting = deque(self._freeze(channel, {"small": small, **(changes or {})}))

    def take(self) -> Parcel | None:
        with self._lock:
            if self._fault is not None or self._stopped or not self._waiting:
                return None
            taken = self._waiting.popleft()
            self.taken.append(taken)
            self._states[taken.key] = DeliveryState.LEASED
            return taken

    def begin(self, parcel: Parcel) -> None:
        self._note("begin", parcel)
        self._refuse(parcel, self._unbegun)
        self._move(parcel, DeliveryState.SENDING)

    def arm(self, parcel: Parcel) -> None:
        self._note("arm", parcel)
        self._refuse(parcel, self._unarmed)
        self._move(parcel, DeliveryState.AT_RISK)
        if self._on_arm is not None:
            self._on_arm(parcel)

    def still_fresh(self, parcel: Parcel) -> bool:
        self._note("still_fresh", parcel)
        return parcel.key.recipient not in self._stale

    def settle(self, parcel: Parcel, outcome: Outcome) -> None:
        self._note("settle", parcel)
        self._rule(any(parcel is one for one in self.taken), "settled without being taken")
        self._rule(outcome.state in _ENDS, f"settled as {outcome.state}")
        self._move(parcel, outcome.state)
        with self._lock:
            self._rule(parcel.key not in self.outcomes, "settled twice")
            self.outcomes[parcel.key] = outcome
            if outcome.fault and self._fault is None:
                self._fault = outcome

    def settled_once(self) -> None:
        """Assert that the rules were kept, and that all that was taken has been settled."""
        assert self.broken_rules == []
        assert {parcel.key for parcel in self.taken} == set(self.outcomes)

    def results(self) -> list[Result]:
        """One for each envelope, in order; what a fault kept from being taken waits for it."""
        self.settled_once()
        return [self._result(envelope.key) for envelope in self._envelopes]

    def _freeze(self, channel: Channel, changes: Mapping[str, Any]) -> list[Parcel]:
        parcels = []
        for envelope in self._envelopes:
            assert envelope.key not in self.frozen, "two envelopes with one key"
            try:
                frozen = channel.freeze(envelope)
            except DeliveryError as error:
                self.unfit[envelope.key] = str(error)
            else:
                self.frozen[envelope.key] = frozen
                parcels.append(replace(_parcel(envelope, frozen), **changes))
        return parcels

    def _result(self, key: DeliveryKey) -> Result:
        if key in self.unfit:
            return Result(key=key, state=DeliveryState.FAILED, detail=self.unfit[key])
        frozen = self.frozen[key]
        waits = Outcome(state=DeliveryState.RETRY_WAIT, detail="it was not asked for")
        untaken = replace(self._fault, state=waits.state) if self._fault is not None else waits
        outcome = self.outcomes.get(key) or untaken
        was_sent = outcome.state is DeliveryState.SENT
        return Result(
            key=key,
            state=outcome.state,
            detail=outcome.detail,
            remarks=(*frozen.remarks, *outcome.remarks) if was_sent else outcome.remarks,
            reference=outcome.reference or frozen.reference,
            place=outcome.place,
            code=outcome.code,
            retry_after=outcome.retry_after,
            fault=outcome.fault,
            passing=outcome.passing,
            too_large=outcome.too_large,
        )

    def _note(self, name: str, parcel: Parcel) -> None:
        with self._lock:
            self.calls.append((name, parcel.key.recipient))

    def _refuse(self, parcel: Parcel, refused: Collection[str]) -> None:
        if parcel.key.recipient in refused:
            self._stopped = self._stops
            raise NotArmedError("the ledger's disk is full")

    def _move(self, parcel: Parcel, state: DeliveryState) -> None:
        before = self._states.get(parcel.key, DeliveryState.PLANNED)
        self._rule(state in MOVES[before], f"from {before} to {state}")
        self._states[parcel.key] = state

    def _rule(self, kept: bool, broken: str) -> None:  # noqa: FBT001 - reads as an assertion
        if not kept:
            self.broken_rules.append(broken)


def parcel(channel: Channel, envelope: Envelope, **changes: Any) -> Parcel:
    """The parcel of one envelope, for `look` or a passage of one's own."""
    return replace(_parcel(envelope, channel.freeze(envelope)), **changes)


def sent(channel: Channel, *envelopes: Envelope, **rules: Any) -> list[Result]:
    """Freeze and deliver everything; what became of each envelope, in order."""
    passage = LoggedPassage(channel, *envelopes, **rules)
    channel.deliver(passage)
    return passage.results()


def _parcel(envelope: Envelope, frozen: Frozen) -> Parcel:
    return Parcel(
        key=envelope.key,
        document=frozen.document,
        head=frozen.head,
        reference=frozen.reference,
    )
