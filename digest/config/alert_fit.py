"""Keys of an alert that do nothing beside others, which is an error; and alerts in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.config.job_values import Window
from digest.config.problems import Fault
from digest.core.alert_model import Severity
from digest.core.metrics import Metric
from digest.core.rules.no_data import NoData

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from digest.config.alerts import Alert

_NEWS = {
    "for_": "is told the first time, and the next time it is not new any more",
    "keep_for": "does not end",
    "repeat": "is told once",
}


def misfits(alert: Alert) -> list[Fault]:
    """What was said and would be ignored, or would keep it from ever firing."""
    return list(_misfits(alert))


def _misfits(alert: Alert) -> Iterator[Fault]:
    said = alert.model_fields_set
    if "settle" in said and alert.window is Window.TODAY:
        yield _fault("settle", "is for closed windows (day, week, month); the day so far has none")
    if alert.quiet_hours is not None and alert.severity is Severity.CRITICAL:
        yield _fault("quiet_hours", "is not for a critical alert, which is told at once")
    if not alert.rule.lasting:
        for key, why in _NEWS.items():
            if key in said:
                mark = alert.when.kind.marks[0]
                yield _fault(key.rstrip("_"), f"is not for {mark}: what is new {why}")
    if isinstance(alert.rule, NoData):
        yield from _of_no_data(alert, alert.rule)


def _of_no_data(alert: Alert, rule: NoData) -> Iterator[Fault]:
    if "no_data" in alert.model_fields_set:
        yield _fault("no_data", "is not for a rule that is itself about missing data")
    if alert.min_count:
        yield _fault("min_count", "would keep it from ever firing, because nothing is counted then")
    if alert.min_sessions and rule.metric is Metric.SESSIONS:
        yield _fault(
            "min_sessions", "would keep it from ever firing, because there are no sessions then"
        )


def _fault(key: str, sentence: str) -> Fault:
    return Fault(template=sentence, at=(key,))


def circles(alerts: Mapping[str, Alert]) -> list[Fault]:
    """Alerts that would hush each other, or themselves: the first circle there is."""
    left = {name: [n for n in alert.hushed_by if n in alerts] for name, alert in alerts.items()}
    left = {name: louder for name, louder in left.items() if louder}
    while free := [name for name, louder in left.items() if not any(n in left for n in louder)]:
        for name in free:
            del left[name]
    if not left:
        return []
    name, walked = next(iter(left)), []
    while name not in walked:
        walked.append(name)
        name = next(n for n in left[name] if n in left)
    circle = walked[walked.index(name) :]
    words = "can't be hushed by itself" if len(circle) == 1 else _round(circle)
    return [Fault(template=words, at=(name, "hushed_by"))]


def _round(circle: list[str]) -> str:
    return f"goes in a circle: {' is hushed by '.join((*circle, circle[0]))}"
