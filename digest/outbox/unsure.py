"""Deliveries whose outcome is unknown: looked for, then sent again or held, as the policy says."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.core.content import DeliveryState as State
from digest.core.content import Look, Sighting
from digest.core.outbox import when_uncertain
from digest.errors import DeliveryError
from digest.store.rows import held_texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from digest.core.content import Channel
    from digest.core.outbox import Decision, Delivery, OnUncertain
    from digest.outbox.stopping import Stop
    from digest.store.ledger import Ledger
    from digest.store.reading import Scope

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsure:
    """Settles them one after the other; `gap` lies between two looks for the same message.

    Without `patient` a second look whose time has not come is left to a later call.
    """

    ledger: Ledger
    policy: OnUncertain
    gap: timedelta
    clock: Callable[[], datetime]
    stop: Stop
    patient: bool = True
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None

    def settle(self, scope: Scope, channel: Callable[[str], Channel]) -> None:
        """Look for each; wait for the second look, but not when we are told to stop."""
        while not self.stop.asked:
            left = self.ledger.deliveries(scope, {State.UNCERTAIN})
            if not left:
                return
            due = [held for held in left if held.due_at is None or held.due_at <= self.clock()]
            for number, held in enumerate(due, start=1):
                if self.stop.asked:
                    return
                self.progress("looking whether it arrived", number, len(due))
                self._settle(held, channel)
            if not (due or self.patient):
                return
            if not due:
                soonest = min(held.due_at for held in left if held.due_at is not None)
                self.stop.wait((soonest - self.clock()).total_seconds())

    def _settle(self, held: Delivery, channel: Callable[[str], Channel]) -> None:
        look = self._look(held, channel)
        decision = when_uncertain(held, look, self.policy, self.clock(), self.gap)
        logger.info(
            "an unknown outcome: %s",
            decision.reason,
            extra={"action": f"uncertain_{decision.state}", "key": held.key.digest},
        )
        self._move(held, decision, look)

    def _look(self, held: Delivery, channel: Callable[[str], Channel]) -> Look:
        try:
            return channel(held.key.channel).look(self.ledger.parcel(held))
        except DeliveryError as error:
            return Look(sighting=Sighting.UNKNOWN, detail=str(error))

    def _move(self, held: Delivery, decision: Decision, look: Look) -> None:
        if decision.state is State.SENT:
            self.ledger.resolve(
                held,
                decision,
                reference=look.reference or held.reference,
                place=look.place or held.place,
                remarks=held_texts((*held.remarks, *look.remarks)),
            )
        else:
            self.ledger.resolve(held, decision)
