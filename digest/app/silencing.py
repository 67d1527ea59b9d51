"""What a person does about alerts: look at how they stand, silence one, end a silence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from digest.app import ledger, utc_now
from digest.app.alert_check import chosen
from digest.config.buckets import next_look
from digest.core.alert_model import AlertState, Phase
from digest.core.hushing import EVERY_ALERT
from digest.errors import StateRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from digest.config.alerts import Alert
    from digest.config.models import Config
    from digest.store.alerts import AlertsReading, Silence
    from digest.store.opened import Store

MOST_WHY = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an alert stands: its state, whether it is silenced, and when it is looked at next."""

    alert: Alert
    state: AlertState
    looked_at: datetime | None
    silence: Silence | None
    next_look: datetime | None

    @property
    def noteworthy(self) -> bool:
        """Whether there is more to say than that all is well."""
        silenced = self.silence is not None
        return self.alert.enabled and (
            self.state.phase is not Phase.OK or silenced or self.state.errors > 0
        )


def standings(config: Config, now: datetime | None = None) -> list[Standing]:
    """Every alert of the config. Raises StateRefusedError when the ledger can't be read."""
    at = now or utc_now()
    with ledger.reading(config) as held:
        return standings_in(config, None if held is None else held.alerts, at)


def standings_in(
    config: Config,
    alerts: AlertsReading | None,
    now: datetime,
    coming: Callable[[Alert], datetime | None] | None = None,
) -> list[Standing]:
    """The same from a ledger that is open; None where there is none yet.

    `coming` says when an alert is looked at next, where somebody knows better than its schedule.
    """
    states = {} if alerts is None or not config.alerts else alerts.states()
    silences = [] if alerts is None or not config.alerts else alerts.silences(now)
    next_at = coming or partial(next_look, now=now)
    found = []
    for name, alert in config.alerts.items():
        stored = states.get(name)
        mine = [one for one in silences if one.alert in {name, EVERY_ALERT}]
        found.append(
            Standing(
                alert=alert,
                state=AlertState() if stored is None else stored.state,
                looked_at=None if stored is None else stored.looked_at,
                silence=max(mine, key=lambda one: one.until, default=None),
                next_look=next_at(alert) if alert.enabled else None,
            )
        )
    return found


def silence(config: Config, name: str, lasting: timedelta, *, why: str, author: str) -> Silence:
    """Have an alert (`*`: every one) not be heard for a while; it is still looked at.

    Raises UsageError for an alert that isn't there, StateRefusedError when there is no ledger.
    """
    if name != EVERY_ALERT:
        chosen(config, [name])
    now = utc_now()
    with _deciding(config) as store:
        return store.alerts.silence(name, now + lasting, author, why[:MOST_WHY], now)


def unsilence(config: Config, name: str) -> int:
    """End an alert's silences; gives how many there were."""
    if name != EVERY_ALERT:
        chosen(config, [name])
    with _deciding(config) as store:
        return store.alerts.unsilence(name, utc_now())


def _deciding(config: Config) -> Store:
    store = ledger.open_deciding(config, utc_now)
    if store is None:
        raise StateRefusedError(
            "there is no ledger yet; digest serve makes it, and looks at alerts"
        )
    return store
