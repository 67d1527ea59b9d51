"""What moved with a number: which platform, country, screen or event, by plain arithmetic.

Nothing here knows why something happened. Three kinds of facts are told:

- of a number that is the sum of its groups (sessions by platform and country, events by name and
  screen, events per session likewise): how much of the change one group makes up;
- of a number that Phase gives for no group (rates, durations, users): which group's sessions
  moved at the same time, if its share of all sessions did;
- that no group stands out, where that is so.

What could be chance, small counts, and groups that only moved like all the others are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.core.cause_lists import PLACES, Sides, beside, in_a_row, made_of
from digest.core.cause_words import Tail, explained, moved, shifted, spread, still
from digest.core.deltas import SMALL_SAMPLE
from digest.core.metrics import CATALOGUE, Dimension, Metric
from digest.core.moves import Move, Shift, moves, shifts
from digest.core.rules.reading import ListWant, Wants

if TYPE_CHECKING:
    from digest.core.periods import Baseline, Period
    from digest.core.rules.reading import Known
    from digest.core.wording import Wording

MOST = 3
_EACH = 2
_LEAST_SHARE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One value of a breakdown that moved: its counts before and now, per period.

    A count is None where the value was beyond the end of the list. `share` is how many percent of
    the metric's whole change it makes up (beyond 100 where others went the other way), None where
    there is no whole to compare with. `sentence` says it.
    """

    dimension: Dimension
    value: str
    before: float | None
    now: float | None
    share: float | None
    sentence: str


def cause_wants(metric: Metric, period: Period, baseline: Baseline) -> Wants:
    """The lists of the period and of the baseline that `causes` goes by: four to eight of them.

    None where the baseline's periods don't follow one another, since no list covers just them.
    """
    if not in_a_row(baseline):
        return Wants()
    return Wants(
        lists=frozenset(
            ListWant(dimension, side.start, side.end)
            for dimension in (*made_of(metric), *beside(metric))
            for side in (period, baseline)
        )
    )


def causes(
    metric: Metric,
    known: Known,
    period: Period,
    baseline: Baseline,
    *,
    totals: tuple[float | None, float | None],
    words: Wording,
    partial: bool = False,
) -> tuple[Cause, ...]:
    """What moved most with the metric, the weightiest first; at most three.

    `totals` are the metric's own values of the period and of the baseline (per period), in this
    order; a change of less than 5 % (of a rate in percent, one point) has no causes. In a `partial`
    period counts can't be compared, so only shares of sessions are. Empty where nothing stands out,
    or too little is known; never raises for what is missing.
    """
    sides = Sides(metric=metric, known=known, period=period, baseline=baseline, totals=totals)
    if partial:
        return tuple(
            _cause(shift, None, still(shift, words))
            for dimension in _places(metric)
            if (shift := _tilted(sides, dimension))
        )
    if sides.hardly_changed:
        return ()
    found = [pair for dimension in made_of(metric) for pair in _parts(sides, dimension, words)]
    found.sort(key=lambda pair: -pair[0])
    others = [
        _cause(shift, None, shifted(shift, Tail(metric, period.kind), words))
        for dimension in beside(metric)
        if (shift := _shift(sides, dimension))
    ]
    return (*(cause for _, cause in found), *others)[:MOST]


def unmoved(
    metric: Metric,
    known: Known,
    period: Period,
    baseline: Baseline,
    *,
    totals: tuple[float | None, float | None],
    words: Wording,
    partial: bool = False,
) -> str:
    """One sentence that no group stands out, where `causes` has none though it had enough to see.

    Empty where there is a cause, the metric hardly changed, a list is missing, or fewer than 30
    were counted on a side.
    """
    if causes(metric, known, period, baseline, totals=totals, words=words, partial=partial):
        return ""
    sides = Sides(metric=metric, known=known, period=period, baseline=baseline, totals=totals)
    if sides.hardly_changed and not partial:
        return ""
    parts = () if partial else made_of(metric)
    looked = parts or _places(metric)
    lists = [pair for dimension in looked if (pair := sides.lists(dimension)) is not None]
    counted = [min(then.total, now.total) for then, now in lists]
    if len(lists) < len(looked) or min(counted) < SMALL_SAMPLE:
        return ""
    if parts:
        return spread(parts, complete=all(one.complete for pair in lists for one in pair))
    large = [
        one
        for one in shifts(looked[0], *lists[0], sides.sessions)
        if max(one.share_now, one.share_before) >= _LEAST_SHARE
    ]
    return spread(looked, examples=large[:2], words=words)


def _places(metric: Metric) -> tuple[Dimension, ...]:
    return tuple(one for one in (*made_of(metric), *beside(metric)) if one in PLACES)


def _parts(sides: Sides, dimension: Dimension, words: Wording) -> list[tuple[float, Cause]]:
    """At most two values of the dimension that make up much of the change, with their weight."""
    lists, whole = sides.lists(dimension), sides.whole
    if lists is None or whole is None:
        return []
    whole = whole.beside(dimension, *lists)
    found: list[tuple[float, float, Cause]] = []
    for move in moves(dimension, *lists):
        part = whole.part(move)
        if not whole.is_notable(move):
            continue
        if part is None:
            if whole.goes_with(move) and sides.metric is not Metric.EVENTS_PER_SESSION:
                cause = _cause(move, None, moved(move, words))
                found.append((0.0, abs(move.change), cause))
        elif part >= _LEAST_SHARE and whole.stands_out(move):
            sentence = explained(move, part, whole, CATALOGUE[sides.metric].unit, words)
            cause = _cause(move, part if move.is_known else None, sentence)
            found.append((part, abs(move.change), cause))
    found.sort(key=lambda one: (-one[0], -one[1], one[2].value))
    return [(part, cause) for part, _, cause in found[:_EACH]]


def _shift(sides: Sides, dimension: Dimension) -> Shift | None:
    """The group whose sessions moved most of those whose share of all sessions clearly changed."""
    found = [one for one in _clear(sides, dimension) if _goes_along(sides, one)]
    return max(found, key=lambda one: (abs(one.change), one.change), default=None)


def _tilted(sides: Sides, dimension: Dimension) -> Shift | None:
    """The group whose share of sessions changed most, where counts can't be compared."""
    found = _clear(sides, dimension)
    return max(found, key=lambda one: (round(abs(one.points), 6), one.points), default=None)


def _clear(sides: Sides, dimension: Dimension) -> list[Shift]:
    lists = sides.lists(dimension)
    if lists is None:
        return []
    return [one for one in shifts(dimension, *lists, sides.sessions) if one.is_clear]


def _goes_along(sides: Sides, shift: Shift) -> bool:
    """Whether sessions may be laid beside the metric: beside a count they must go its way."""
    if not shift.is_notable:
        return False
    info = CATALOGUE[sides.metric]
    if info.weight is not None or info.parts is not None:
        return True
    return sides.change is not None and sides.change * shift.change > 0


def _cause(move: Move | Shift, share: float | None, sentence: str) -> Cause:
    return Cause(
        dimension=move.dimension,
        value=move.value,
        before=move.before if isinstance(move, Shift) or not move.before_at_most else None,
        now=move.now if isinstance(move, Shift) or not move.now_at_most else None,
        share=share,
        sentence=sentence,
    )
