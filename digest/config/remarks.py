"""What `digest check` says about a config that is valid: keys that do nothing yet, and warnings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from digest.config.channels import Security, SmtpChannel
from digest.config.schedule import next_fires, period_for, ready_at
from digest.config.values import is_loopback
from digest.config.watching import SHORTEST_TOKEN
from digest.core.alert_model import Missing
from digest.core.periods import PeriodKind
from digest.core.rules.no_data import NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.config.models import Config, Digest
    from digest.config.schedule import Schedule

_INACTIVE: Final = {"tags": "is not active yet: no command chooses by tags"}
# A schedule is looked at in both halves of a year, so under winter and summer time.
_LOOKS: Final = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
_FIRES_A_LOOK: Final = 10


MOST_REQUESTS: Final = 64
"""More than one digest takes, whatever it shows."""


def may_be_crowded(config: Config) -> bool:
    """Whether fetching could take more than a minute; a quick look that errs on that side."""
    return len(config.digests) * MOST_REQUESTS > config.limits.requests_per_minute


def inactive_keys(config: Config) -> list[str]:
    """One sentence for each key that was given but whose part is not built yet."""
    return list(_inactive(config))


def warnings(config: Config) -> list[str]:
    """One sentence for each thing that works but is probably not what was meant."""
    return [
        *_general(config),
        *(sentence for digest in config.digests.values() for sentence in _timing(digest)),
        *_alerts(config),
    ]


def _inactive(config: Config) -> Iterator[str]:
    for section, jobs in (("digests", config.digests), ("alerts", config.alerts)):
        for name, job in jobs.items():
            for key, why in _INACTIVE.items():
                if key in job.model_fields_set:
                    yield f"{section}.{name}.{key} {why}"


def _general(config: Config) -> Iterator[str]:
    if not config.digests and not config.alerts:
        yield "there are no digests, so nothing will be sent"
    for place in config.literal_secrets:
        yield f"{place} stands in the file itself; better write ${{NAME}} or ${{file:/path}}"
    for name, channel in config.channels.items():
        if (
            isinstance(channel, SmtpChannel)
            and channel.security is Security.NONE
            and not is_loopback(channel.host)
        ):
            what = "mail and password go" if channel.username else "mail goes"
            yield f"channels.{name}: {what} unencrypted to {channel.host}"
    if config.web.token and len(config.web.token.get_secret_value()) < SHORTEST_TOKEN:
        yield f"web.token is short enough to be guessed; use at least {SHORTEST_TOKEN} characters"


def _timing(digest: Digest) -> Iterator[str]:
    wait, again = _fit(digest.schedule, digest.period, digest.settle)
    where = f"digests.{digest.name}"
    if wait is not None:
        fire, longer = wait
        yield (
            f"{where}: at {_clock(fire, digest.period)} ({digest.timezone}) its {digest.period} is "
            f"not over in UTC and settled for {_hours(digest.settle)}; digest serve waits "
            f"up to {_hours(longer)} longer, digest run exits 75 until then"
        )
    if again:
        yield f"{where}: fires more than once for the same {digest.period}; one digest is sent"


def _alerts(config: Config) -> Iterator[str]:
    watching = [alert for alert in config.alerts.values() if alert.enabled]
    for alert in watching:
        early = isinstance(alert.rule, NoData) and alert.is_partial and not alert.for_.time
        if early:
            yield (
                f"alerts.{alert.name}: just after midnight UTC the day so far is always empty; "
                "give it time, such as for: 3h, or use window: day"
            )
    unheard = [
        alert.name
        for alert in watching
        if alert.no_data is Missing.KEEP and not isinstance(alert.rule, NoData)
    ]
    if unheard and not config.ops:
        more = f" and {len(unheard) - 1} more" if len(unheard) > 1 else ""
        yield (
            f"alerts.{unheard[0]}{more}: when there is no data to judge by, the operator should "
            "hear of it, but there is no ops; or say no_data: alert or ignore"
        )


def _clock(fire: datetime, kind: PeriodKind) -> str:
    return f"{fire:%a %H:%M}" if kind is PeriodKind.WEEK else f"{fire:%H:%M}"


@lru_cache(maxsize=4096)
def _fit(
    schedule: Schedule, kind: PeriodKind, settle: timedelta
) -> tuple[tuple[datetime, timedelta] | None, bool]:
    """The fire that has to wait longest and how long, and whether fires share a period."""
    wait: tuple[datetime, timedelta] | None = None
    again = False
    for look in _LOOKS:
        fires = next_fires(schedule, look, _FIRES_A_LOOK)
        periods = [period_for(kind, fire) for fire in fires]
        again = again or len(set(periods)) < len(periods)
        for fire, period in zip(fires, periods, strict=True):
            late = ready_at(period, settle) - fire
            if late > timedelta() and (wait is None or late > wait[1]):
                wait = fire, late
    return wait, again


def _hours(time: timedelta) -> str:
    return f"{time / timedelta(hours=1):.3g} h"
