"""An alert and a bucket → what has to be fetched, and what was seen. No I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.config.buckets import closed, so_far
from digest.config.schedule import next_fires, period_for
from digest.core.alert_model import Look
from digest.core.alert_round import Watched
from digest.core.rules.reading import Wants
from digest.errors import PeriodNotOverError
from digest.report.looking import joined_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from digest.config.alerts import Alert
    from digest.config.buckets import Bucket
    from digest.core.rules.reading import Known, Observation, Scope
    from digest.core.wording import Wording
    from digest.report.looking import Looked


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What an alert saw in a bucket."""

    alert: Alert
    bucket: Bucket
    observation: Observation
    look: Look


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingLook:
    """A look that the schedule has coming: when, at what, and how many requests that takes."""

    local: datetime
    bucket: Bucket
    requests: int


def coming(alert: Alert, now: datetime, count: int) -> list[ComingLook]:
    """The next looks of an alert, later than `now`."""
    found = []
    for local in next_fires(alert.schedule, now, count):
        if alert.is_partial:
            bucket = so_far(local, local)
        else:
            bucket = closed(alert, period_for(alert.kind, local))
        wants = wants_of([(alert, bucket)])
        questions = len(list(joined_up(wants.series))) + len(wants.lists)
        found.append(ComingLook(local=local, bucket=bucket, requests=questions))
    return found


def watched_of(alert: Alert) -> Watched:
    """A rule as the chain needs it."""
    return Watched(
        name=alert.name,
        app=alert.app,
        policy=alert.policy,
        to=alert.to,
        zone=alert.schedule.zone,
        severity=alert.severity,
        quiet=alert.quiet_hours,
        hushed_by=alert.hushed_by,
        grouped=alert.group,
    )


def scope_of(alert: Alert, bucket: Bucket) -> Scope:
    """What the rule looks at."""
    return alert.scope(bucket.period, partial=bucket.partial)


def wants_of(looks: Iterable[tuple[Alert, Bucket]]) -> Wants:
    """Everything that has to be fetched to judge these."""
    wants = Wants()
    for alert, bucket in looks:
        wants |= alert.rule.wants(scope_of(alert, bucket))
    return wants


def sight(alert: Alert, bucket: Bucket, known: Known, at: datetime, words: Wording) -> Sight:
    """What the alert sees in a bucket, looked at `at`."""
    seen = alert.rule.observe(scope_of(alert, bucket), known, words)
    look = Look(
        bucket=bucket.label,
        begins_at=bucket.begins_at,
        ends_at=bucket.ends_at,
        at=at,
        seen=seen.seen,
        value=seen.value,
        excess=seen.excess,
        reason=seen.reason,
    )
    return Sight(alert=alert, bucket=bucket, observation=seen, look=look)


def too_early(due: Mapping[str, Sequence[Bucket]], looked: Looked) -> dict[str, PeriodNotOverError]:
    """By the server's clock a closed bucket must be over and settled, whatever ours says."""
    found = {}
    for name, buckets in due.items():
        newest = buckets[-1]
        if looked.oldest is not None and not newest.partial and looked.oldest < newest.ready_at:
            found[name] = PeriodNotOverError(
                f"{newest.label} has not settled yet by the server's clock",
                ready_at=newest.ready_at,
            )
    return found
