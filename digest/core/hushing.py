"""What holds an alert's messages back at an instant, and until when. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Protocol

from digest.core.alert_model import Hush, HushKind, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from zoneinfo import ZoneInfo

EVERY_ALERT = "*"
"""What a silence of all alerts is for."""


class Silence(Protocol):
    """A person's word that an alert may not be heard for a while."""

    @property
    def alert(self) -> str:
        """The alert's name, or `*`."""
        ...

    @property
    def until(self) -> datetime:
        """When it ends."""
        ...

    @property
    def author(self) -> str:
        """Whose word it is."""
        ...

    @property
    def why(self) -> str:
        """The reason that was given."""
        ...


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The local hours in which nobody wants to be woken; they may go past midnight."""

    start: time
    end: time

    def until(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet hours around this instant end, UTC; None outside of them."""
        local = at.astimezone(zone)
        now = local.time()
        over_midnight = self.end <= self.start
        inside = (
            now >= self.start or now < self.end if over_midnight else self.start <= now < self.end
        )
        if not inside:
            return None
        day = local.date()
        if over_midnight and now >= self.start:
            day += timedelta(days=1)
        return datetime.combine(day, self.end, zone).astimezone(UTC)


def hush_of(
    name: str,
    at: datetime,
    *,
    severity: Severity,
    quiet_until: datetime | None,
    silences: Iterable[Silence],
    hushed_by: Iterable[str],
    firing: Collection[str],
) -> Hush | None:
    """Why an alert may not be heard at `at`; None when it may.

    `quiet_until` is the end of its quiet hours, if it has them now; what is critical is heard all
    the same. `hushed_by` are the alerts that speak for it while they fire.
    """
    if quiet_until is not None and severity is not Severity.CRITICAL:
        return Hush(
            kind=HushKind.QUIET_HOURS,
            reason=f"quiet hours until {_words(quiet_until)}",
            until=quiet_until,
        )
    silenced = [s for s in silences if s.alert in {name, EVERY_ALERT} and s.until > at]
    if silenced:
        last = max(silenced, key=lambda one: one.until)
        return Hush(
            kind=HushKind.SILENCED,
            reason=f"silenced until {_words(last.until)} by {last.author}: {last.why}",
            until=last.until,
        )
    louder = [other for other in hushed_by if other in firing]
    if louder:
        return Hush(kind=HushKind.INHIBITED, reason=f"hushed, because {', '.join(louder)} fires")
    return None


def _words(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
