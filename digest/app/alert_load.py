"""What alerts ask of each server in an hour, and whether its limit allows that."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.app.alert_looks import wants_of
from digest.app.forecast import server_of
from digest.config.buckets import so_far
from digest.config.schedule import next_fires
from digest.report.looking import joined_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from digest.config.alerts import Alert
    from digest.config.models import Config
    from digest.config.schedule import Schedule

HOUR = timedelta(hours=1)
_MINUTES = 60
_MOST_FIRES = 61


def overload(config: Config, now: datetime) -> Iterator[str]:
    """One sentence for each server that alerts on the day so far ask more than it may be asked.

    Alerts of an app that are due together share their questions. Closed days are looked at once,
    so they don't count.
    """
    groups: dict[tuple[str, Schedule], list[Alert]] = defaultdict(list)
    for alert in config.alerts.values():
        if alert.enabled and alert.is_partial:
            groups[alert.app, alert.schedule].append(alert)
    asked: dict[str, int] = defaultdict(int)
    for (app, schedule), alerts in groups.items():
        fires = [at for at in next_fires(schedule, now, _MOST_FIRES) if at <= now + HOUR]
        server = server_of(config.apps[app].base_url)
        asked[server] += len(fires) * _requests(alerts, now)
    allowed = _MINUTES * config.limits.requests_per_minute
    for server, requests in asked.items():
        if requests > allowed:
            yield (
                f"alerts ask {server} {requests} times an hour, and at most {allowed} are allowed "
                "(limits.requests_per_minute): their looks will come late; look less often"
            )


def _requests(alerts: Iterable[Alert], now: datetime) -> int:
    """What one look at these alerts of an app takes."""
    wants = wants_of((alert, so_far(now, now)) for alert in alerts)
    return len(list(joined_up(wants.series))) + len(wants.lists)
