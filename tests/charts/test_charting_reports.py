"""Report → what its charts show."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from digest.charts import draw
from digest.core.charting import chart_name, chart_specs
from digest.core.charts_spec import BarChart, LineChart, NoChart
from digest.core.content import Picture
from digest.core.deltas import Comparison, Delta, DeltaKind
from digest.core.metrics import Dimension, Metric
from digest.core.periods import BaselineKind, BaselineRule, PeriodKind
from digest.core.report_model import BreakdownRow, Report
from tests.support.chart_parts import countries, headline, report

WEEK = (52.0, 61.0, 55.0, 70.0, 64.0, 30.0, 33.0)
BEFORE = (48.0, 50.0, 51.0, 52.0, 50.0, 28.0, 26.0)
QUIET = Comparison(value=None, baseline=None, delta=Delta(kind=DeltaKind.NO_DATA))


def line_of(made: Report, metric: Metric = Metric.SESSIONS) -> LineChart:
    (spec,) = chart_specs(made, [metric])
    assert isinstance(spec, LineChart), spec
    return spec


def bars_of(made: Report) -> BarChart:
    (spec,) = chart_specs(made, [Dimension.SESSIONS_COUNTRY])
    assert isinstance(spec, BarChart), spec
    return spec


def week(*values: float | None, metric: Metric = Metric.SESSIONS) -> Report:
    return report(headline(metric, values or WEEK, BEFORE))


def test_a_week_shows_both_weeks_day_by_day() -> None:
    spec = line_of(week())
    assert (spec.name, spec.title) == ("sessions", "Sessions")
    assert spec.days == ("Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21", "Sun 22")
    assert (spec.values, spec.baseline) == (WEEK, BEFORE)
    assert [(mark.position, mark.text) for mark in spec.marks] == [(3, "70"), (5, "30"), (6, "33")]
    assert spec.label == "Nov 16\u2009–\u200922, 2026"
    assert spec.baseline_label == "the week before"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ((None,) * 7, "Sessions: no day has a value, so there is no chart."),
        ((None, 5.0, *(None,) * 5), "Sessions: only one day has a value, so there is no chart."),
        ((0.0,) * 7, "Sessions: every day is zero, so there is no chart."),
        ((0.0, 0.0, *(None,) * 5), "Sessions: every day is zero, so there is no chart."),
    ],
    ids=["no value", "one value", "all zero", "zeros and gaps"],
)
def test_nothing_to_show_is_a_sentence(values: tuple[float | None, ...], sentence: str) -> None:
    assert chart_specs(week(*values), [Metric.SESSIONS]) == (
        NoChart(name="sessions", title="Sessions", sentence=sentence),
    )


@pytest.mark.parametrize(
    ("breakdown", "sentence"),
    [
        (countries(), "nothing was counted, so there is no chart."),
        (countries(("DE", 0)), "nothing was counted, so there is no chart."),
        (countries(unavailable="the server does not offer it."), "the server does not offer it."),
    ],
    ids=["no rows", "only zeros", "unavailable"],
)
def test_a_breakdown_without_rows_is_a_sentence(breakdown: object, sentence: str) -> None:
    made = report(breakdowns=[breakdown])  # type: ignore[list-item]  # a table of breakdowns
    assert chart_specs(made, [Dimension.SESSIONS_COUNTRY]) == (
        NoChart(
            name="sessions-country",
            title="Sessions by country",
            sentence=f"Sessions by country: {sentence}",
        ),
    )


def test_charts_come_in_the_order_asked_and_unknown_ones_to_the_digest_are_left_out() -> None:
    made = report(
        headline(Metric.SESSIONS, WEEK, BEFORE),
        headline(Metric.EVENTS, WEEK, BEFORE),
        breakdowns=[countries(("DE", 5))],
    )
    wanted = [Dimension.SESSIONS_COUNTRY, Metric.EVENTS, Metric.NEW_USERS, Dimension.USERS_CITY]
    names = [spec.name for spec in chart_specs(made, [*wanted, Metric.SESSIONS])]
    assert names == ["sessions-country", "events", "sessions"]


@pytest.mark.parametrize(
    ("delta", "said"),
    [
        (
            Delta(kind=DeltaKind.CHANGED, change=9, percent=9.7),
            "+9.7\xa0% against the week before (1,000)",
        ),
        (
            Delta(kind=DeltaKind.NO_CHANGE, change=0, percent=0),
            "no change against the week before (1,000)",
        ),
        (Delta(kind=DeltaKind.NEW, change=29), "new against the week before (1,000)"),
        (Delta(kind=DeltaKind.NO_BASELINE), "no baseline"),
        (Delta(kind=DeltaKind.PARTIAL), "period not over"),
    ],
)  # fmt: skip
def test_the_alt_text_says_what_the_picture_says(delta: Delta, said: str) -> None:
    comparison = Comparison(value=1365.0, baseline=1000.0, delta=delta)
    made = report(headline(Metric.SESSIONS, WEEK, BEFORE, comparison=comparison))
    assert line_of(made).alt == (
        f"Sessions by day, Nov 16\u2009–\u200922, 2026: 1,365, {said}. "
        "Highest 70 on Thu, Nov 19, lowest 30 on Sat, Nov 21."
    )


def test_the_alt_text_names_the_gaps_and_the_first_of_equal_days() -> None:
    made = report(
        headline(Metric.SESSIONS, (5.0, 5.0, None, 2.0, 2.0, None, 3.0), comparison=QUIET)
    )
    spec = line_of(made)
    assert spec.alt.endswith(
        ": –, no data. Highest 5 on Mon, Nov 16, lowest 2 on Thu, Nov 19; "
        "no value for Wed, Nov 18; Sat, Nov 21."
    )
    assert [mark.position for mark in spec.marks] == [0, 3, 6]


@pytest.mark.parametrize(("days", "said"), [(5, "5 common days"), (1, "1 common day")])
def test_the_alt_text_gives_the_numbers_that_were_compared(days: int, said: str) -> None:
    delta = Delta(kind=DeltaKind.CHANGED, change=50, percent=25, common_days=days)
    comparison = Comparison(value=365.0, baseline=300.0, delta=delta, compared=(250.0, 200.0))
    made = report(headline(Metric.SESSIONS, WEEK, BEFORE, comparison=comparison))
    assert (
        f": 365, +25.0\N{NO-BREAK SPACE}% against the week before (250 and 200 on {said}). "
        in line_of(made).alt
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((5.0,) * 7, ". Always 5."),
        ((5.0, 5.0, None, *(5.0,) * 4), ". Always 5; no value for Wed, Nov 18."),
    ],
    ids=["every day", "with a gap"],
)
def test_the_alt_text_of_equal_days_names_neither_a_best_nor_a_worst(
    values: tuple[float | None, ...], said: str
) -> None:
    spec = line_of(week(*values))
    assert spec.alt.endswith(said)
    assert "ighest" not in spec.alt


def test_the_alt_text_of_a_single_day_names_the_days_that_the_picture_shows() -> None:
    recent = tuple(float(n) for n in range(14))
    single = Comparison(
        value=13.0,
        baseline=12.0,
        delta=Delta(kind=DeltaKind.CHANGED, change=1, percent=8.333),
    )
    one = headline(Metric.SESSIONS, (13.0,), (12.0,), recent=recent, comparison=single)
    made = report(one, kind=PeriodKind.DAY, day=one.daily.days[0])
    assert line_of(made).alt == (
        "Sessions by day, Tue, Nov 3 – Mon, Nov 16: 13 on Mon, Nov 16, "
        "+8.3\N{NO-BREAK SPACE}% against the day before (12). "
        "Highest 13 on Mon, Nov 16, lowest 0 on Tue, Nov 3."
    )


def test_an_alt_text_ends_in_one_full_stop_in_any_locale() -> None:
    spec = line_of(replace(week(), locale="de"))
    assert spec.alt.endswith("21. Nov.")


def test_marks_stand_at_days_that_have_a_value() -> None:
    spec = line_of(week(None, 5.0, 9.0, 7.0, None, None, None))
    assert [(mark.position, mark.text) for mark in spec.marks] == [(1, "5"), (2, "9"), (3, "7")]


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        ((1.0,) * 31, (1.0,) * 30),
        ((1.0,) * 28, (*(1.0,) * 28, None, None)),
        ((None,) * 30, ()),
        (None, ()),
    ],
    ids=["longer", "shorter", "nothing known", "none"],
)
def test_a_baseline_is_laid_over_the_period_by_position(
    before: tuple[float | None, ...] | None, shown: tuple[float | None, ...]
) -> None:
    daily = tuple(float(n) for n in range(1, 31))
    month = headline(Metric.SESSIONS, daily, before, first=date(2026, 11, 1))
    spec = line_of(report(month, kind=PeriodKind.MONTH))
    assert spec.baseline == shown
    assert spec.days == tuple(str(n) for n in range(1, 31))


def test_a_single_day_is_shown_after_the_days_before_it() -> None:
    recent = tuple(float(n) for n in range(14))
    one = headline(Metric.ACTIVE_USERS, (13.0,), (9.0,), recent=recent)
    spec = line_of(report(one, kind=PeriodKind.DAY, day=one.daily.days[0]), Metric.ACTIVE_USERS)
    assert spec.title == "Active users"
    assert spec.values == recent
    assert spec.baseline == ()
    assert spec.days[-1] == "Mon 16"
    assert spec.label == "Tue, Nov 3 – Mon, Nov 16"


def test_a_single_day_without_the_days_before_it_has_no_chart() -> None:
    one = headline(Metric.SESSIONS, (13.0,))
    made = report(one, kind=PeriodKind.DAY, day=one.daily.days[0])
    assert isinstance(chart_specs(made, [Metric.SESSIONS])[0], NoChart)


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        (Metric.BOUNCE_RATE, 31.25, "31.3\N{NO-BREAK SPACE}%"),
        (Metric.SESSION_DURATION, 192.0, "3\xa0m\xa012\xa0s"),
        (Metric.EVENTS, 1234567.0, "1,234,567"),
        (Metric.EVENTS_PER_SESSION, 3.14159, "3.14"),
    ],
)  # fmt: skip
def test_marks_are_worded_as_in_the_tables(metric: Metric, value: float, text: str) -> None:
    spec = line_of(week(value, *WEEK[1:6], value, metric=metric), metric)
    assert spec.marks[-1].text == text
    assert spec.name == chart_name(metric)


def test_bars_are_the_ten_largest_and_the_rest_of_a_true_total() -> None:
    rows = [(f"c{n}", 100 - n) for n in range(14)]
    breakdown = countries(*rows, total=2000)
    other = BreakdownRow(value="other", count=691, share=34.55, other=True)
    made = report(breakdowns=[replace(breakdown, rows=(*breakdown.rows, other))])
    spec = bars_of(made)
    assert [bar.name for bar in spec.bars] == [f"c{n}" for n in range(10)] + ["Other"]
    last = spec.bars[-1]
    assert (last.value, last.muted, last.baseline) == (691 + 90 + 89 + 88 + 87, True, None)
    assert last.text == "1,045 · 52.3\N{NO-BREAK SPACE}%"
    assert spec.bars[0].text == "100 · 5.0\N{NO-BREAK SPACE}%"


def test_without_a_true_total_there_is_no_rest_and_no_share() -> None:
    spec = bars_of(report(breakdowns=[countries(*((f"c{n}", 50 - n) for n in range(12)))]))
    assert [bar.text for bar in spec.bars] == [str(50 - n) for n in range(10)]


def test_the_baseline_of_bars_is_named_only_where_there_is_one() -> None:
    breakdown = countries(("DE", 5), ("FR", 3))
    assert bars_of(report(breakdowns=[breakdown])).baseline_label is None
    known = replace(breakdown, rows=(replace(breakdown.rows[0], baseline=4.5), breakdown.rows[1]))
    rule = BaselineRule(BaselineKind.TRAILING, 4)
    spec = bars_of(report(breakdowns=[known], rule=rule))
    assert spec.baseline_label == "the mean of the 4 weeks before"
    assert [bar.baseline for bar in spec.bars] == [4.5, None]


def test_users_are_counted_over_all_time() -> None:
    breakdown = replace(countries(("ios", 5)), dimension=Dimension.USERS_PLATFORM)
    (spec,) = chart_specs(report(breakdowns=[breakdown]), [Dimension.USERS_PLATFORM])
    assert isinstance(spec, BarChart)
    assert (spec.label, spec.name) == ("All time", "users-platform")


def test_the_alt_text_of_bars_lists_them() -> None:
    spec = bars_of(report(breakdowns=[countries(("DE", 60), ("\u202eFR", 40), total=100)]))
    assert spec.alt == (
        "Sessions by country, largest first: "
        "DE 60 · 60.0\N{NO-BREAK SPACE}%; FR 40 · 40.0\N{NO-BREAK SPACE}%."
    )


def test_the_alt_text_of_bars_keeps_the_emoji_that_the_picture_can_not_show() -> None:
    spec = bars_of(report(breakdowns=[countries(("\U0001f389 party", 3), ("\U0001f389", 2))]))
    assert [bar.name for bar in spec.bars] == ["party", "(emoji)"]
    assert spec.alt == "Sessions by country, largest first: \U0001f389 party 3; \U0001f389 2."


@pytest.mark.parametrize("locale", ["en", "de", "fr", "es", "pt_BR", "ja", "ar", "hi_IN"])
@pytest.mark.parametrize("kind", [PeriodKind.WEEK, PeriodKind.MONTH])
def test_charts_of_any_locale_can_be_drawn(locale: str, kind: PeriodKind) -> None:
    days = 7 if kind is PeriodKind.WEEK else 30
    values = tuple(12_000.0 + 997 * (n % 5) for n in range(days))
    made = report(
        headline(Metric.EVENTS, values, values[::-1]),
        breakdowns=[countries(("DE", 60), ("FR", 40), total=100)],
        kind=kind,
        locale=locale,
    )
    found = draw(chart_specs(made, [Metric.EVENTS, Dimension.SESSIONS_COUNTRY]))
    assert [type(one) for one in found] == [Picture, Picture]
