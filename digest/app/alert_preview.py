"""Building an alert's message into a folder, to be looked at, as if it fired now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from digest.app.alert_check import newest
from digest.app.alert_looks import sight, wants_of, watched_of
from digest.app.alert_messages import Messenger, Scene
from digest.app.parts import Sources
from digest.app.rendering import renderer_of
from digest.config.buckets import closed
from digest.config.job_values import Window
from digest.core.alert_model import AlertState, Seen, Span
from digest.core.alert_round import Around, Entry, play
from digest.core.periods import PeriodKind, parse_period
from digest.core.wording import Wording
from digest.errors import UsageError
from digest.report.looking import look_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from digest.app.alert_looks import Sight
    from digest.config.alerts import Alert
    from digest.config.buckets import Bucket
    from digest.config.models import Config
    from digest.core.content import Content

    Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltAlert:
    """An alert's message; `fires` says whether the numbers make it fire at all."""

    sight: Sight
    content: Content

    @property
    def fires(self) -> bool:
        """Whether the bucket is a breach."""
        return self.sight.look.seen is Seen.BREACH


def build_alert(
    config: Config, alert: Alert, label: str | None, now: datetime, progress: Progress
) -> BuiltAlert:
    """The message about a bucket as if it were the first that fires, with the real numbers.

    Raises UsageError for a period of another kind than the alert's window, PhaseError when the
    numbers can't be fetched, TemplateError when a template fails.
    """
    bucket = _bucket(alert, label, now)
    wants = wants_of([(alert, bucket)])
    with Sources(config) as sources:
        source = sources.of(alert.app)
        looked = look_up(wants, source, progress)
        error = looked.error_of(wants)
        if error is not None:
            raise error
        seen = sight(alert, bucket, looked.known, now, Wording(config.locale))
        rule = replace(
            watched_of(alert), policy=replace(alert.policy, hold=Span()), quiet=None, hushed_by=()
        )
        look = replace(seen.look, seen=Seen.BREACH)
        played = play([Entry(rule=rule, state=AlertState(), look=look)], Around())
        messenger = Messenger(config=config, renderer=renderer_of(config))
        scene = Scene(app=alert.app, sights={alert.name: seen}, looked=looked, source=source)
        (said,) = messenger.say(played, scene)
    return BuiltAlert(sight=seen, content=said.content)


def _bucket(alert: Alert, label: str | None, now: datetime) -> Bucket:
    if label is None:
        return newest(alert, now)
    try:
        period = parse_period(label)
    except ValueError as error:
        raise UsageError(f"--period: {error}") from None
    wanted = PeriodKind.DAY if alert.window is Window.TODAY else PeriodKind(alert.window)
    if period.kind is not wanted:
        raise UsageError(f"--period: {alert.name} is about a {wanted}; {label} is a {period.kind}")
    if period.starts_at > now:
        raise UsageError(f"--period: {label} has not begun yet")
    return closed(alert, period)
