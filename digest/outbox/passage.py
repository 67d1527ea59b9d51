"""What one channel asks and tells while it delivers, written to the ledger as it happens."""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from concurrent.futures import wait
from typing import TYPE_CHECKING

from digest.core.content import DeliveryState as State
from digest.core.content import Outcome
from digest.core.steps import Step, reached
from digest.errors import NotArmedError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from digest.core.content import Parcel
    from digest.core.outbox import Delivery
    from digest.outbox.stopping import Stop
    from digest.store.ledger import Leased, Ledger
    from digest.store.reading import Scope

FRESH = 5.0
"""Seconds for which an arm may be acted on: after a longer pause the world may have changed."""

_AT_ONCE = 50  # leased together
_GLANCE = 0.2  # seconds between two looks for a stop

logger = logging.getLogger(__name__)


class LedgerPassage:
    """One channel's deliveries of one pass. Each is offered once, whatever becomes of it."""

    def __init__(
        self,
        ledger: Ledger,
        scope: Scope,
        channel: str,
        *,
        wanted: Callable[[Delivery], bool],
        stop: Stop,
        alive: Callable[[], bool],
        monotonic: Callable[[], float],
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        self.channel = channel
        self.fault: Outcome | None = None
        self.error: StoreError | None = None
        self.sent = 0
        self._ledger = ledger
        self._scope = scope
        self._wanted = wanted
        self._stop = stop
        self._alive = alive
        self._monotonic = monotonic
        self._settled = settled
        self._lock = threading.RLock()
        self._ready: deque[Leased] = deque()
        self._held: dict[str, Leased] = {}
        self._armed: dict[str, float] = {}
        self._writing: deque[Future[bool]] = deque()
        self._last = 0
        self._rows: list[int] = []
        self._over = False
        self._arming = 0

    @property
    def at_risk(self) -> bool:
        """Whether a recipient may be getting something just now, or is about to."""
        with self._lock:
            return self._arming > 0 or any(
                leased.at is State.AT_RISK for leased in self._held.values()
            )

    def take(self) -> Parcel | None:
        """The next parcel; None after a fault, a stop, or when there is nothing left."""
        with self._lock:
            if self._over or self._stop.asked or self.fault or self.error:
                return None
            if not self._ready:
                self._lease_more()
            if not self._ready:
                self._over = True
                return None
            leased = self._ready.popleft()
            self._held[leased.parcel.key.digest] = leased
            return leased.parcel

    def begin(self, parcel: Parcel) -> None:
        """A try begins. Raises NotArmedError when there is no point in it."""
        self._refuse_when_stopped()
        self._watch(self._ledger.begin(self._leased(parcel)))

    def arm(self, parcel: Parcel) -> None:
        """Make the risk durable. Raises NotArmedError when it can't be, or we have to stop."""
        self._refuse_when_stopped()
        if not self._alive():
            self.error = StoreError("the ledger could not be reached for too long; nothing is sent")
            raise NotArmedError(str(self.error))
        with self._lock:
            leased = self._leased(parcel)
            self._arming += 1
        try:
            ours = self._ledger.arm(leased)
        except StoreError as error:
            self.error = error
            raise NotArmedError(str(error)) from None
        finally:
            with self._lock:
                self._arming -= 1
        if not ours:
            raise NotArmedError("another process has taken this delivery over")
        with self._lock:
            self._armed[parcel.key.digest] = self._monotonic()

    def still_fresh(self, parcel: Parcel) -> bool:
        """Whether the arm is recent enough, and nobody can have taken the delivery over."""
        age = self._monotonic() - self._armed.get(parcel.key.digest, -math.inf)
        return age <= FRESH and self._alive()

    def settle(self, parcel: Parcel, outcome: Outcome) -> None:
        """Write what became of it."""
        with self._lock:
            leased = self._held.pop(parcel.key.digest, None)
            self._armed.pop(parcel.key.digest, None)
            if leased is None:
                return  # we stopped waiting for it, and it was settled without an answer
            if outcome.fault and self.fault is None:
                self.fault = outcome
            if self.error is not None and leased.at is not State.AT_RISK:
                return  # it can't be written either; the next pass or start hands it back
            if self._stop.asked and leased.at in {State.LEASED, State.SENDING}:
                self._watch(self._ledger.hand_back(leased))
                return
            done = self._ledger.settle(leased, outcome)
            if outcome.state is State.SENT:
                self.sent += 1
                done.add_done_callback(lambda _: reached(Step.SENT_POST))
            self._watch(done)
        self._settled()

    def close(self, why: str) -> None:
        """Settle what the channel left, hand back what it never took, and wait for the ledger.

        `why` is the sentence for a delivery that was begun and has no outcome.
        """
        with self._lock:
            self._over = True
            for leased in list(self._held.values()):
                state = State.UNCERTAIN if leased.at is State.AT_RISK else State.RETRY_WAIT
                self.settle(leased.parcel, Outcome(state=state, detail=why))
            while self._ready and self.error is None:
                self._watch(self._ledger.hand_back(self._ready.popleft()))
            while self._writing:
                self._wait_for(self._writing[0])
                self._note(self._writing.popleft())
            self._ledger.let_go(self._rows)

    def _wait_for(self, written: Future[bool]) -> None:
        """Until it is written; after a stop only for the grace: a disk may stay full."""
        while not wait([written], timeout=_GLANCE).done:
            if self._stop.overdue:
                self._ledger.give_up()

    def _leased(self, parcel: Parcel) -> Leased:
        with self._lock:
            leased = self._held.get(parcel.key.digest)
        if leased is None:
            raise NotArmedError("this delivery is not waited for any more")
        return leased

    def _lease_more(self) -> None:
        try:
            some = self._ledger.lease(
                self._scope,
                self.channel,
                after=self._last,
                most=_AT_ONCE,
                wanted=self._wanted,
            )
        except StoreError as error:
            self.error = error
            return
        if some:
            self._last = some[-1].delivery.row
            self._rows += [leased.delivery.row for leased in some]
        self._ready.extend(some)

    def _refuse_when_stopped(self) -> None:
        if self._stop.asked:
            raise NotArmedError("digest was told to stop")
        if self.error is not None:
            raise NotArmedError(str(self.error))

    def _watch(self, written: Future[bool]) -> None:
        """Remember what is being written, and note what has failed meanwhile."""
        with self._lock:
            self._writing.append(written)
            while self._writing and self._writing[0].done():
                self._note(self._writing.popleft())

    def _note(self, written: Future[bool]) -> None:
        try:
            ours = written.result()
        except StoreError as error:
            self.error = self.error or error
            return
        if not ours:
            logger.warning("a delivery was taken over", extra={"action": "delivery_lost"})
