"""The verdict: the one sentence that says what happened, made from the deltas by fixed rules.

The leading metric comes first (sessions, when the digest has them). Behind it comes the change
that most needs to be known: a worsening of the bounce rate or of the session duration, else the
largest other worsening, else the largest improvement. Changes too small or resting on too few
counts are not worth a clause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.core.deltas import DeltaKind, Sense
from digest.core.metrics import Metric, Rollup, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.core.report_model import Headline
    from digest.core.wording import Wording

STEADY = 0.5  # percent, or points of a percent: less is not called a rise or a fall
WORTH_TELLING = 5.0  # percent of the baseline
WORTH_TELLING_POINTS = 1.0

_LEADS = (Metric.SESSIONS, Metric.ACTIVE_USERS, Metric.EVENTS, Metric.NEW_USERS)
_QUALITY = frozenset({Metric.BOUNCE_RATE, Metric.SESSION_DURATION})


def verdict(
    headlines: Sequence[Headline],
    wording: Wording,
    *,
    partial: bool = False,
    quiet: bool = False,
    before: str = "the period before",
) -> str:
    """One sentence on the headlines.

    Such as `Sessions rose 12.3 % to 1,234; bounce rate fell 3.1 points to 28.3 %.` `partial` is
    a period that is not over, `quiet` one without any data; `before` names the baseline in a
    sentence.
    """
    lead = _lead(headlines)
    if quiet:
        return _quiet(headlines, wording, before)
    if lead is None:
        return "There is nothing to say: none of these numbers could be fetched."
    if partial:
        value = wording.value(lead.info.unit, lead.comparison.value)
        return f"{lead.info.title} so far: {value}; nothing is compared before the period is over."
    first = _capital(_leading_clause(lead, wording))
    second = _second(headlines, lead)
    if second is not None:
        return f"{first}; {_clause(second, wording)}."
    if _is_steady(lead) and len(headlines) > 1:
        return f"{first}; nothing else moved much."
    return f"{first}."


def _lead(headlines: Sequence[Headline]) -> Headline | None:
    """The metric to begin with: one that has a value, by preference one that counts use."""
    known = [h for h in headlines if h.comparison.value is not None]
    preferred = [h for metric in _LEADS for h in known if h.metric is metric]
    return next(iter([*preferred, *known]), None)


def _quiet(headlines: Sequence[Headline], wording: Wording, before: str) -> str:
    had = [h for h in headlines if h.comparison.baseline and h.info.rollup is Rollup.SUM]
    lead = next((h for metric in _LEADS for h in had if h.metric is metric), None)
    if lead is None:
        return "No data: nothing was counted in this period."
    count = wording.count(lead.comparison.baseline or 0)
    name = _lower(lead.info.title)
    return f"No data: nothing was counted in this period, against {count} {name} in {before}."


def _leading_clause(headline: Headline, wording: Wording) -> str:
    """The first clause, with what must be known about its number."""
    clause = _clause(headline, wording)
    delta = headline.comparison.delta
    if headline.comparison.compared is not None and delta.change is not None:
        days = "day" if delta.common_days == 1 else "days"
        clause += f" over the {delta.common_days} {days} that can be compared"
    if delta.sample is not None:
        clause += " (a small sample)"
    return clause


def _clause(headline: Headline, wording: Wording) -> str:
    """What one metric did, in lower case."""
    info, comparison = headline.info, headline.comparison
    delta, name = comparison.delta, _lower(info.title)
    now = comparison.value if comparison.compared is None else comparison.compared[0]
    value = wording.value(info.unit, comparison.value if now is None else now)
    match delta.kind:
        case DeltaKind.CHANGED if _is_steady(headline):
            return f"{name} held steady at {value}"
        case DeltaKind.CHANGED:
            return f"{name} {_moved(headline, wording)} to {value}"
        case DeltaKind.NO_CHANGE:
            return f"{name} stayed at {value}"
        case DeltaKind.NEW:
            return f"{name} went from none to {value}"
        case DeltaKind.NO_DATA if info.unit is Unit.COUNT:
            return f"no {name} were counted"
        case _:
            return f"{name} came to {value}, with nothing to compare"


def _moved(headline: Headline, wording: Wording) -> str:
    delta, unit = headline.comparison.delta, headline.info.unit
    change = delta.change or 0
    verb = "rose" if change > 0 else "fell"
    if unit is Unit.PERCENT:
        return f"{verb} {wording.points(abs(change))}"
    if delta.percent is None:
        return f"{verb} by {wording.value(unit, abs(change))}"
    return f"{verb} {wording.percent(abs(delta.percent))}"


def _second(headlines: Sequence[Headline], lead: Headline) -> Headline | None:
    """The other change that most needs to be known, if there is one worth telling."""
    worth = [h for h in headlines if h is not lead and _is_worth_telling(h)]
    return max(worth, key=_weight, default=None)


def _is_worth_telling(headline: Headline) -> bool:
    delta, info = headline.comparison.delta, headline.info
    if delta.kind is not DeltaKind.CHANGED or delta.sample is not None:
        return False
    if info.rollup is Rollup.LAST:
        return False
    if info.unit is Unit.PERCENT and abs(delta.change or 0) < WORTH_TELLING_POINTS:
        return False
    return _relative(headline) >= WORTH_TELLING


def _weight(headline: Headline) -> tuple[bool, bool, float]:
    worse = headline.comparison.delta.sense is Sense.WORSE
    return worse, worse and headline.metric in _QUALITY, _relative(headline)


def _relative(headline: Headline) -> float:
    """The size of a change as percent of the baseline, whatever the unit."""
    delta, comparison = headline.comparison.delta, headline.comparison
    if delta.percent is not None:
        return abs(delta.percent)
    pair = comparison.compared or (comparison.value, comparison.baseline)
    return 100 * abs((delta.change or 0) / pair[1]) if pair[1] else 100.0


def _is_steady(headline: Headline) -> bool:
    delta, unit = headline.comparison.delta, headline.info.unit
    size = delta.change if unit is Unit.PERCENT else delta.percent
    return delta.kind is DeltaKind.NO_CHANGE or (size is not None and abs(size) < STEADY)


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _capital(clause: str) -> str:
    return clause[:1].upper() + clause[1:]
