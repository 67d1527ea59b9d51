"""The breakdowns of a report: which list stands against which, and what its true total is."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from digest.core.breakdowns import break_down
from digest.core.metrics import Metric
from digest.core.report_model import Breakdown
from digest.core.wording import Wording
from digest.report.planning import ListCall, Side

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digest.core.breakdowns import Listing
    from digest.core.metrics import Dimension
    from digest.core.series import Series
    from digest.report.fetching import Fetched
    from digest.report.kept import Earlier
    from digest.report.planning import FetchPlan

    Sides = Mapping[Metric, Series]

ALL_TIME = "Counted over all time; a change is shown once there is a snapshot from a period ago."
SINCE = "Counted over all time; changes are since our snapshot of {when}."
UNCOMPARED = "There is no list to compare with."
EMPTY = "Nothing was counted."
UNAVAILABLE = "Phase could not give this list."
NO_TOTAL = "No shares, because the true total is not known."


def breakdowns(
    plan: FetchPlan,
    fetched: Fetched,
    period: Sides,
    baselines: Sequence[Sides],
    earlier: Mapping[Dimension, Earlier],
    *,
    partial: bool,
) -> tuple[Breakdown, ...]:
    """One for each breakdown of the digest, but none where the server does not offer it.

    `period` and `baselines` hold the days of the sessions, which give sessions' lists their
    total. `earlier` are all-time lists from a period ago. In a partial period nothing is compared.
    """
    absent = not_offered(fetched)
    before = {} if partial else earlier
    return tuple(
        _since(before[dimension], dimension, fetched, plan.spec.locale)
        if dimension in before and (dimension, Side.ALL_TIME) in fetched.lists
        else _breakdown(dimension, fetched, period, () if partial else baselines, partial=partial)
        for dimension in dict.fromkeys(plan.spec.breakdowns)
        if dimension not in absent
    )


def _since(earlier: Earlier, dimension: Dimension, fetched: Fetched, locale: str) -> Breakdown:
    """An all-time list against our own from a period ago."""
    now, then = fetched.lists[dimension, Side.ALL_TIME], earlier.listing
    made = break_down(
        dimension,
        now,
        then,
        total=_users(now, fetched),
        total_then=then.total if then.complete else None,
    )
    said = _remarks(made, compared=True)
    when = f"{Wording(locale).instant(earlier.taken_at, UTC)} UTC"
    said = [SINCE.format(when=when) if one == ALL_TIME else one for one in said]
    return replace(made, note=" ".join(said) or None)


def not_offered(fetched: Fetched) -> tuple[Dimension, ...]:
    """The breakdowns that this server does not have."""
    found = (
        gap.call.dimension
        for gap in fetched.gaps
        if isinstance(gap.call, ListCall) and gap.not_offered
    )
    return tuple(dict.fromkeys(found))


def _breakdown(
    dimension: Dimension,
    fetched: Fetched,
    period: Sides,
    baselines: Sequence[Sides],
    *,
    partial: bool,
) -> Breakdown:
    now = fetched.lists.get((dimension, Side.PERIOD if dimension.dated else Side.ALL_TIME))
    if now is None:
        return Breakdown(dimension=dimension, rows=(), unavailable=UNAVAILABLE)
    then = None if partial else fetched.lists.get((dimension, Side.BASELINE))
    made = break_down(
        dimension,
        now,
        then,
        total=_sessions(period, partial=partial) if dimension.dated else _users(now, fetched),
        total_then=_mean_sessions(baselines),
    )
    said = _remarks(made, compared=then is not None or partial)
    return replace(made, note=" ".join(said) or None)


def _remarks(made: Breakdown, *, compared: bool) -> list[str]:
    if not made.rows:
        return [EMPTY]
    said = []
    if not made.dimension.dated:
        said.append(ALL_TIME)
    elif not compared:
        said.append(UNCOMPARED)
    if made.dimension.has_total and made.total is None:
        said.append(NO_TOTAL)
    return said


def _sessions(side: Sides, *, partial: bool) -> float | None:
    """All sessions of a period; None when a day is missing that should be there."""
    days = side.get(Metric.SESSIONS)
    if days is None or days.is_empty or (days.missing and not partial):
        return None
    return math.fsum(value for value in days.values if value is not None)


def _mean_sessions(baselines: Sequence[Sides]) -> float | None:
    sums = [_sessions(side, partial=False) for side in baselines]
    known = [one for one in sums if one is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(sums) else None


def _users(listing: Listing, fetched: Fetched) -> float | None:
    """All users now: a complete list adds up to them, else the newest level that was fetched."""
    levels = fetched.values.get(Metric.TOTAL_USERS, {})
    if listing.complete or not levels:
        return None
    return levels[max(levels)]
