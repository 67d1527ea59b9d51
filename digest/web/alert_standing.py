"""What the status page shows of alerts, and in which order. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.core.alert_model import Phase

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Who has silenced an alert, until when, and why."""

    until: datetime
    author: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """How an alert stands.

    `value` is as readers are shown it, `bound` says when it fires. `bucket` is what was judged
    last and `reason` what was seen there. `told` says that readers were told that it fires.
    `errors` counts looks in a row that failed. `next_look` is None while it is looked at, and
    where it never is again.
    """

    name: str
    state: Phase
    app: str = ""
    title: str = ""
    since: datetime | None = None
    value: str = ""
    bound: str = ""
    bucket: str = ""
    reason: str = ""
    severity: str = ""
    enabled: bool = True
    told: bool = False
    errors: int = 0
    silence: Quiet | None = None
    next_look: datetime | None = None

    @property
    def word(self) -> str:
        """Its state in a word or two."""
        return self.state.replace("_", " ") if self.enabled else "switched off"

    @property
    def calls(self) -> bool:
        """Whether it fires and nobody has said that they know."""
        return self.enabled and self.state is Phase.FIRING and self.silence is None


_FIRST = (Phase.FIRING, Phase.NO_DATA, Phase.PENDING, Phase.OK)


def in_order(alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
    """What fires first, then what can't be judged, what may fire, and the rest, each by name."""
    return tuple(sorted(alerts, key=_order))


def _order(alert: Alert) -> tuple[bool, bool, int, bool, str]:
    troubled = alert.errors > 0
    place = _FIRST.index(alert.state)
    return not alert.enabled, not alert.calls, place, not troubled, alert.name
