"""One parcel on its way through the passage: settled once, and honestly, whatever happens.

It knows nothing about mail.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.core.content import DeliveryState, Outcome
from digest.errors import DigestError, NotArmedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.core.content import Parcel, Passage

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Errand:
    """A parcel, what the passage is told about it, and whether its recipient may have it by now."""

    passage: Passage
    parcel: Parcel
    armed: bool = False

    def begin(self) -> None:
        """The server is being talked to about it. Raises NotArmedError."""
        self.passage.begin(self.parcel)

    def arm(self) -> None:
        """Make the risk durable. Raises NotArmedError."""
        self.passage.arm(self.parcel)
        self.armed = True

    def still_fresh(self) -> bool:
        """Whether what was armed may be sent now."""
        return self.passage.still_fresh(self.parcel)

    def carry_out(self, attempt: Callable[[Errand], Outcome]) -> bool:
        """Settle with what the attempt gives, or with what broke it off; whether it came to an end.

        A defect is logged and not raised: it must not keep the other parcels waiting. Trouble of
        the ledger (a DigestError) and a stop from outside are raised once the parcel is settled.
        """
        try:
            outcome = attempt(self)
        except NotArmedError as error:
            outcome = Outcome(state=DeliveryState.RETRY_WAIT, detail=str(error))
        except DigestError as error:
            self._settle(self._broken_off(error))
            raise
        except Exception as error:
            self._settle(self._broken_off(error))
            logger.exception("delivery met a defect", extra={"action": "delivery_defect"})
            return False
        except BaseException as error:
            self._settle(self._broken_off(error))
            raise
        self._settle(outcome)
        return True

    def _settle(self, outcome: Outcome) -> None:
        self.passage.settle(self.parcel, outcome)

    def _broken_off(self, error: BaseException) -> Outcome:
        recipient, name = self.parcel.key.recipient, type(error).__name__
        if self.armed:
            state = DeliveryState.UNCERTAIN
            detail = f"{name} in digest, when the message for {recipient} may have been sent"
        else:
            state = DeliveryState.RETRY_WAIT
            detail = f"{name} in digest broke off the message for {recipient}"
        return Outcome(state=state, detail=detail)
