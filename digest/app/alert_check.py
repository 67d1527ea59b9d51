"""Looking at alerts now, for a person: what they see, and what would be said. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.app import ledger, utc_now
from digest.app.alert_changes import firing_of
from digest.app.alert_looks import sight, wants_of, watched_of
from digest.app.parts import Sources
from digest.config.buckets import due_buckets, so_far
from digest.config.job_values import Window
from digest.config.problems import did_you_mean, quoted
from digest.core.alert_model import AlertState
from digest.core.alert_round import Around, Entry, play
from digest.core.wording import Wording
from digest.errors import DigestError, UsageError
from digest.report.looking import look_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from digest.app.alert_looks import Sight
    from digest.config.alerts import Alert
    from digest.config.buckets import Bucket
    from digest.config.models import Config
    from digest.core.alert_round import Judged
    from digest.store.alerts import Silence, StoredAlert

    Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What an alert sees now, and what that would come to; or why it can't be looked at.

    `judged_before` says that its newest bucket was judged already, so that it is judged here as
    if it were the first.
    """

    alert: Alert
    sight: Sight | None = None
    judged: Judged | None = None
    judged_before: bool = False
    error: DigestError | None = None


def chosen(config: Config, names: Sequence[str]) -> list[Alert]:
    """The alerts of these names, or all that are switched on.

    Raises UsageError for one that isn't there.
    """
    for name in names:
        if name not in config.alerts:
            known = ", ".join(config.alerts) or "none"
            hint = did_you_mean(name, config.alerts)
            raise UsageError(f"there is no alert {quoted(name)}{hint}; the config has: {known}")
    if not names:
        return [alert for alert in config.alerts.values() if alert.enabled]
    return [config.alerts[name] for name in dict.fromkeys(names)]


def check(
    config: Config, names: Sequence[str], now: datetime | None, progress: Progress
) -> list[Checked]:
    """Look at these alerts, or all, and judge what they see. Nothing is told or written."""
    at = now or utc_now()
    stored, silences = remembered(config, at)
    found: list[Checked] = []
    with Sources(config) as sources:
        for alert in chosen(config, names):
            try:
                seen = _seen(config, alert, at, sources, progress)
            except DigestError as error:
                found.append(Checked(alert=alert, error=error))
                continue
            found.append(_checked(config, alert, seen, stored, silences))
    return found


def remembered(config: Config, now: datetime) -> tuple[dict[str, StoredAlert], list[Silence]]:
    """The states and silences that the ledger has."""
    with ledger.reading(config) as held:
        if held is None:
            return {}, []
        return held.alerts.states(), held.alerts.silences(now)


def newest(alert: Alert, now: datetime) -> Bucket:
    """What a look at `now` is about. Raises UsageError where the schedule never fired yet."""
    if alert.window is Window.TODAY:
        return so_far(now, now)
    buckets = due_buckets(alert, None, now, by_night=True)
    if not buckets:
        raise UsageError(f"{alert.name}: its schedule has not begun yet")
    return buckets[-1]


def _seen(
    config: Config, alert: Alert, now: datetime, sources: Sources, progress: Progress
) -> Sight:
    bucket = newest(alert, now)
    wants = wants_of([(alert, bucket)])
    looked = look_up(wants, sources.of(alert.app), progress)
    error = looked.error_of(wants)
    if error is not None:
        raise error
    return sight(alert, bucket, looked.known, now, Wording(config.locale))


def _checked(
    config: Config,
    alert: Alert,
    seen: Sight,
    stored: dict[str, StoredAlert],
    silences: Iterable[Silence],
) -> Checked:
    held = stored.get(alert.name)
    before = AlertState() if held is None else held.state
    again = before.judged is not None and seen.look.ends_at <= before.judged
    state = AlertState() if again else before
    around = Around(
        silences=tuple(silences),
        firing=firing_of(config, stored),
    )
    played = play([Entry(rule=watched_of(alert), state=state, look=seen.look)], around)
    return Checked(
        alert=alert,
        sight=seen,
        judged=played.judged[0],
        judged_before=again,
    )
