"""Alerts on the day so far after a clock that was ahead: the operator hears why they are blind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.core.agenda import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from digest.service.watching import Watching
    from digest.store.alerts import StoredAlert

_NAME = "clock of alerts"


@dataclass(slots=True, kw_only=True)
class AlertClock:
    """Knows until when the day so far was looked at. A look is never judged anew."""

    watching: Watching
    _until: datetime | None = None

    def open(self, held: Mapping[str, StoredAlert], so_far: Iterable[str], now: datetime) -> None:
        """Take up the alerts on the day so far as the ledger has them."""
        judged = [held[name].state.judged for name in so_far if name in held]
        self._until = max((at for at in judged if at is not None), default=None)
        self.look(now)

    def look(self, now: datetime) -> None:
        """Say that they are not judged until the clock has come there, or that it has."""
        if self._until is None:
            return
        if self._until <= now + TOLERANCE:
            self._until = None
            self.watching.end(_NAME)
            return
        self.watching.begin(
            _NAME,
            f"Alerts were looked at until {self._until:%Y-%m-%d %H:%M} UTC by a clock that was "
            "ahead; those on the day so far are not judged before that time",
        )
