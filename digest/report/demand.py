"""What a digest will ask of the API: its questions, and how many requests those are.

Digests of one app share their answers (`digest.pipeline.SharedSource`), so what a stretch of time
costs is counted by question and not by digest.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from digest.core.periods import utc_day
from digest.report.planning import LONGEST_RANGE, DigestSpec, plan, settled_at

if TYPE_CHECKING:
    from datetime import date

    from digest.core.metrics import Dimension, Metric
    from digest.core.periods import BaselineRule, Period, PeriodKind


class Question(NamedTuple):
    """One question to an app's reports: a metric's days, or a list. Both days None is all-time."""

    report: str
    what: str
    start: date | None
    end: date | None


Questions = frozenset[Question]


class Shape(NamedTuple):
    """What of a digest decides its questions."""

    kind: PeriodKind
    metrics: tuple[Metric, ...]
    breakdowns: tuple[Dimension, ...]
    baseline: BaselineRule


def questions(spec: DigestSpec, period: Period, now: datetime) -> Questions:
    """Everything that is asked for the digest of a period, when it is fetched at `now` (aware).

    Before the period is settled it stands for the instant at which it is. A server that does not
    offer cities is asked for them less often. Raises UsageError for a period of another kind.
    """
    shape = Shape(spec.kind, spec.metrics, spec.breakdowns, spec.baseline)
    return asked(shape, period, max(now, settled_at(period, spec.settle)))


def asked(shape: Shape, period: Period, at: datetime) -> Questions:
    """The same for a digest of that shape. `at` is after the period's end in UTC."""
    return _asked(shape, period, utc_day(at))


@lru_cache(maxsize=512)
def _asked(shape: Shape, period: Period, day: date) -> Questions:
    spec = DigestSpec(
        job="",
        app="",
        app_title="",
        kind=shape.kind,
        metrics=shape.metrics,
        breakdowns=shape.breakdowns,
        baseline=shape.baseline,
        settle=0,
    )
    calls = plan(spec, period, datetime.combine(day, time(), UTC)).calls
    return frozenset(Question(call.report, call.what, call.start, call.end) for call in calls)


@lru_cache(maxsize=512)
def requests(asked: Questions) -> int:
    """How many requests these are when each is answered at the first try."""
    return sum(_requests(question) for question in asked)


def _requests(question: Question) -> int:
    if question.start is None or question.end is None:
        return 1
    return -((question.start - question.end) // LONGEST_RANGE)  # rounded up


class Tally:
    """The questions of each app in a stretch of time: the same one is asked once."""

    def __init__(self) -> None:
        self._known: dict[str, Questions] = {}

    def add(self, app: str, asked: Questions) -> int:
        """How many requests these add to what is asked of the app already."""
        known = self._known.get(app)
        if known is None:
            self._known[app] = asked
            return requests(asked)
        fresh = asked - known
        if not fresh:
            return 0
        self._known[app] = known | fresh
        return requests(fresh)
