"""Asking the API for what alert rules want to know: each question once, failures kept apart."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from digest.core.breakdowns import Listing
from digest.core.metrics import CATALOGUE
from digest.core.rules.reading import Known, ListWant, SeriesWant, Wants
from digest.errors import PhaseError
from digest.report.fetching import ends_all
from digest.report.planning import LONGEST_RANGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import date, datetime

    from digest.core.metrics import Metric
    from digest.report.fetching import Source

    Progress = Callable[[str, int, int], None]

Want = SeriesWant | ListWant


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was asked and what came: the server's clock in its oldest and newest answer, UTC.

    `failed` has the questions without an answer. `requests` counts every try.
    """

    known: Known
    oldest: datetime | None = None
    newest: datetime | None = None
    requests: int = 0
    failed: Mapping[Want, PhaseError] = field(default_factory=dict)

    def error_of(self, wants: Wants) -> PhaseError | None:
        """Why a rule that wants this can't be judged; None when all of it came."""
        for want, error in self.failed.items():
            if want in wants.lists:
                return error
            if isinstance(want, SeriesWant) and any(
                one.metric is want.metric and one.start < want.end and want.start < one.end
                for one in wants.series
            ):
                return error
        return None


def look_up(
    wants: Wants,
    source: Source,
    progress: Progress = lambda _what, _done, _total: None,
) -> Looked:
    """Ask everything that is wanted; `progress` is told (what, number, of how many) before each.

    Raises PhaseUnavailableError when the server can't be reached or asks to wait, and PhaseError
    when it refuses the key: then every other question would fare the same.
    """
    before = source.requests_made
    values: dict[Metric, dict[date, float]] = defaultdict(dict)
    lists: dict[ListWant, Listing] = {}
    instants: list[datetime] = []
    failed: dict[Want, PhaseError] = {}
    questions: tuple[Want, ...] = (*joined_up(wants.series), *sorted(wants.lists, key=str))
    for number, want in enumerate(questions, start=1):
        progress(f"{want[0]}", number, len(questions))
        try:
            if isinstance(want, SeriesWant):
                info = CATALOGUE[want.metric]
                series = source.timeseries(
                    info.report or "", info.field or "", want.start, want.end
                )
                values[want.metric].update(series.values)
                instants.append(series.generated_at)
            else:
                cap = want.dimension.cap
                found = source.breakdown(want.dimension, want.start, want.end, limit=cap)
                lists[want] = Listing(rows=found.rows, complete=found.complete)
                instants.append(found.generated_at)
        except PhaseError as error:
            if ends_all(error):
                raise
            failed[want] = error
    return Looked(
        known=Known(values=dict(values), lists=lists),
        oldest=min(instants, default=None),
        newest=max(instants, default=None),
        requests=source.requests_made - before,
        failed=failed,
    )


def joined_up(wants: Iterable[SeriesWant]) -> Iterator[SeriesWant]:
    """As few questions as cover all of these days: a metric's days in one, where they fit."""
    by_metric: dict[Metric, list[SeriesWant]] = defaultdict(list)
    for want in sorted(wants, key=lambda one: (one.metric, one.start, one.end)):
        held = by_metric[want.metric]
        start, end = (held[-1].start, max(held[-1].end, want.end)) if held else want[1:]
        if held and end - start <= LONGEST_RANGE:
            held[-1] = SeriesWant(want.metric, start, end)
        else:
            held.append(want)
    for held in by_metric.values():
        yield from held
