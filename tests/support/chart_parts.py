"""Chart specs and reports for tests: one of each, with changes."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from digest.core.charts_spec import Bar, BarChart, LineChart, Mark, Tick
from digest.core.deltas import Comparison, Delta, DeltaKind
from digest.core.metrics import CATALOGUE, Dimension, Metric
from digest.core.periods import BaselineRule, PeriodKind, baseline_of, period_of
from digest.core.report_model import Breakdown, BreakdownRow, Headline, Report
from digest.core.series import Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from digest.core.content import Picture

WEEK = ("Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21", "Sun 22")
DAY = timedelta(days=1)
WEDNESDAY = date(2026, 11, 18)
CHANGED = Comparison(
    value=329.0,
    baseline=300.0,
    delta=Delta(kind=DeltaKind.CHANGED, change=29.0, percent=9.666),
)

# Names that have broken charts: wide, tall, turned around, empty, or mistaken for maths.
HOSTILE_NAMES = {
    "emoji": "\U0001f389\U0001f468\u200d\U0001f469\u200d\U0001f467 party \U0001f1e9\U0001f1ea",
    "only emoji": "\U0001f389\U0001f389",
    "cjk": "中文名字很长很长很长很长很长很长很长很长",
    "rtl": "شركة طويلة جدا جدا جدا جدا جدا",
    "bidi override": "\u202egnp.exe\u2066\u200f",
    "maths": r"$x^2$ and \frac{ $\$",
    "one dollar": "cost $5",
    "10,000 characters": "x" * 10_000,
    "10,000 wide ones": "W" * 10_000,
    "controls": "a\x00b\x07\r\n\x1b[31mc",
    "tower": "a" + "\u0301" * 500,
    "nothing": " \u200b\u3164\u00ad ",
    "no glyph": "\U000130b8\U0001d11e\ue000\ufdd0",
    "lone surrogate": "a\ud800b",
    "thai": "ภาษาไทยภาษาไทยภาษาไทยภาษาไทย",
}


def line(
    values: Sequence[float | None] = (52.0, 61.0, 55.0, 70.0, 64.0, 30.0, 33.0),
    /,
    **changes: object,
) -> LineChart:
    """A week of sessions."""
    known = [(v, n) for n, v in enumerate(values) if v is not None]
    spec = LineChart(
        name="sessions",
        title="Sessions",
        days=WEEK,
        values=tuple(values),
        baseline=(48.0, 50.0, 51.0, 52.0, 50.0, 28.0, 26.0),
        axis=tuple(Tick(at=25.0 * n, text=str(25 * n)) for n in range(4)),
        marks=tuple(
            Mark(position=n, text=f"{v:g}") for v, n in {max(known), min(known), known[-1]}
        ),
        label="Nov 16 – 22, 2026",
        baseline_label="the week before",
        alt="Sessions by day",
    )
    return replace(spec, **changes)  # type: ignore[arg-type]  # fields by name


def bars(*given: Bar, **changes: object) -> BarChart:
    """Sessions by country."""
    usual = (
        Bar(name="Germany", value=310.0, text="310 · 62.0 %", baseline=280.0),
        Bar(name="France", value=120.0, text="120 · 24.0 %", baseline=160.0),
        Bar(name="Other", value=70.0, text="70 · 14.0 %", muted=True),
    )
    spec = BarChart(
        name="sessions-country",
        title="Sessions by country",
        bars=given or usual,
        label="Nov 16 – 22, 2026",
        baseline_label="the week before",
        alt="Sessions by country",
    )
    return replace(spec, **changes)  # type: ignore[arg-type]  # fields by name


def named(*names: str) -> BarChart:
    """Bars with these names as the report has them, through the same cleaning as all others."""
    from digest.core.chart_text import chart_text  # noqa: PLC0415 — only here

    return bars(
        *(Bar(name=chart_text(n), value=9.0, text="9 · 10.0 %", baseline=8.0) for n in names)
    )


def pixels(picture: Picture) -> NDArray[np.uint8]:
    """The picture's pixels, RGB."""
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))


def headline(
    metric: Metric,
    daily: Sequence[float | None],
    baseline: Sequence[float | None] | None = None,
    *,
    first: date = date(2026, 11, 16),
    comparison: Comparison = CHANGED,
    recent: Sequence[float | None] | None = None,
) -> Headline:
    """A metric with its days; `recent` ends with the period."""
    end = first + DAY * len(daily)

    def series(values: Sequence[float | None], start: date) -> Series:
        return Series(tuple(start + DAY * n for n in range(len(values))), tuple(values))

    return Headline(
        info=CATALOGUE[metric],
        comparison=comparison,
        daily=series(daily, first),
        baseline_daily=None if baseline is None else series(baseline, first - DAY * len(baseline)),
        recent=None if recent is None else series(recent, end - DAY * len(recent)),
    )


def report(
    *headlines: Headline,
    kind: PeriodKind = PeriodKind.WEEK,
    breakdowns: Sequence[Breakdown] = (),
    rule: BaselineRule = BaselineRule(),  # noqa: B008 — frozen
    locale: str = "en",
    day: date = WEDNESDAY,
) -> Report:
    """A report of the period that holds `day`."""
    period = period_of(kind, day)
    return Report(
        job="monday-email",
        title="Monday digest",
        app="shop",
        app_title="Acme Shop",
        period=period,
        baseline=baseline_of(period, rule),
        timezone="UTC",
        locale=locale,
        headlines=headlines,
        breakdowns=tuple(breakdowns),
        notes=(),
        verdict="",
        generated_at=datetime(2026, 11, 23, tzinfo=UTC),
        requests=1,
    )


def countries(
    *rows: tuple[str, int], total: int | None = None, unavailable: str | None = None
) -> Breakdown:
    """Sessions by country; shares where there is a total."""
    return Breakdown(
        dimension=Dimension.SESSIONS_COUNTRY,
        rows=tuple(
            BreakdownRow(value=name, count=count, share=100 * count / total if total else None)
            for name, count in rows
        ),
        total=total,
        unavailable=unavailable,
    )
