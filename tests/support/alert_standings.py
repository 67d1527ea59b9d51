"""How alerts may stand, for the status page: one in each state, one silenced, one switched off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.core.alert_model import Phase
from digest.web.alert_standing import Alert, Quiet
from tests.support.standings import HOSTILE, NOW, good_day, hostile_day, local

if TYPE_CHECKING:
    from digest.web.standing import Standing

FIRING = Alert(
    name="bounce-rate-spike",
    state=Phase.FIRING,
    app="shop",
    title="Bounce rate",
    since=local(24, 9, 45),
    value="62.4 %",
    bound="above 60 %",
    bucket="2026-11-24T09:30Z",
    reason="bounce rate came to 62.4 % so far, above 60 %",
    severity="warning",
    told=True,
    next_look=NOW + timedelta(minutes=14),
)
SILENCED = replace(
    FIRING,
    name="sessions-fell",
    title="Sessions",
    value="412",
    bound="a fall of more than 40 % against the same weekday a week before",
    bucket="2026-11-23",
    reason="sessions came to 412, −52.0 % against Mon 16 Nov (858): a fall of more than 40 %",
    silence=Quiet(until=local(25, 9), author="ana", why="the shop is closed for stocktaking"),
)
NO_DATA = replace(
    FIRING,
    name="ios-share",
    title="Sessions by platform: iOS",
    state=Phase.NO_DATA,
    value="",
    bound="below 40 %",
    reason="nothing was counted",
    errors=2,
)
PENDING = replace(FIRING, name="slow-sessions", state=Phase.PENDING, told=False)
FINE = replace(
    FIRING,
    name="events-odd",
    title="Events",
    state=Phase.OK,
    since=None,
    value="12,480",
    bound="more than 4 usual deviations from the median of the same weekday in the 8 weeks before",
    reason="events came to 12,480, 0.4 usual deviations from the median of 12,390",
    told=False,
)
SWITCHED_OFF = Alert(name="a-switched-off", state=Phase.OK, app="shop", enabled=False)
ALERTS = (SWITCHED_OFF, FINE, NO_DATA, PENDING, SILENCED, FIRING)


def alarming_day() -> Standing:
    """Nothing needs a person, but a number is where nobody wants it."""
    return replace(good_day(), alerts=ALERTS)


def hostile_alerts() -> Standing:
    """Alerts whose every text is an attack, or endless."""
    return replace(
        hostile_day(),
        alerts=tuple(
            replace(
                one,
                name=HOSTILE,
                app=HOSTILE,
                title=HOSTILE,
                value=HOSTILE,
                bound=HOSTILE,
                bucket=HOSTILE,
                reason=HOSTILE,
                silence=Quiet(until=NOW, author=HOSTILE, why=HOSTILE),
            )
            for one in ALERTS
        ),
    )
