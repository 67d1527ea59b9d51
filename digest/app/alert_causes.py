"""What moved with a number that fires: asks the API for its lists, then and now."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.core.causes import cause_wants, causes, unmoved
from digest.core.periods import BaselineKind, BaselineRule, PeriodKind, baseline_of
from digest.core.rules.reading import Known
from digest.core.rules.sides import side_of
from digest.core.series import roll_up
from digest.errors import PhaseError
from digest.report.looking import look_up

if TYPE_CHECKING:
    from digest.app.alert_looks import Sight
    from digest.core.causes import Cause
    from digest.core.wording import Wording
    from digest.report.fetching import Source

_COMPARED = {
    PeriodKind.DAY: BaselineKind.SAME_WEEKDAY,
    PeriodKind.WEEK: BaselineKind.PREVIOUS,
    PeriodKind.MONTH: BaselineKind.PREVIOUS,
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The causes, or `none`: a sentence that nothing stands out. `requests` is what it took."""

    causes: tuple[Cause, ...] = ()
    none: str = ""
    requests: int = 0


def moved_with(seen: Sight, known: Known, source: Source, words: Wording) -> Moved:
    """What moved with a metric that fires; nothing where the lists can't be had.

    `known` are the days that it was judged by.
    """
    metric, period = seen.alert.rule.metric, seen.bucket.period
    if metric is None:
        return Moved()
    baseline = baseline_of(period, BaselineRule(_COMPARED[period.kind]))
    try:
        looked = look_up(cause_wants(metric, period, baseline), source)
    except PhaseError as error:
        logger.warning("causes not fetched: %s", error, extra={"action": "causes_left_out"})
        return Moved()
    totals = (
        roll_up(metric, side_of(known, period.days)),
        roll_up(metric, side_of(known, baseline.periods[0].days)),
    )
    facts = Known(values=known.values, lists=looked.known.lists)
    partial = seen.bucket.partial
    found = causes(metric, facts, period, baseline, totals=totals, words=words, partial=partial)
    if found:
        return Moved(causes=found, requests=looked.requests)
    none = unmoved(metric, facts, period, baseline, totals=totals, words=words, partial=partial)
    return Moved(none=none, requests=looked.requests)
