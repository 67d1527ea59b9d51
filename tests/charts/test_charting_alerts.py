"""An alert's numbers → what its chart shows."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.charts import draw
from digest.core.alert_charting import alert_chart
from digest.core.charts_spec import Band, Limit, LineChart, NoChart
from digest.core.content import Picture
from digest.core.metrics import Rollup, Unit
from digest.core.periods import PeriodKind
from digest.core.series import Series

if TYPE_CHECKING:
    from collections.abc import Sequence

LAST = date(2026, 11, 23)  # a Monday
SPIKE = (18.0, 21.5, 15.0, 20.0, 17.25, 19.0, 64.25)


def series(values: Sequence[float | None], step: int = 1) -> Series:
    """Values that end on the last day."""
    days = (LAST - timedelta(step * n) for n in range(len(values) - 1, -1, -1))
    return Series(tuple(days), tuple(values))


def chart(
    values: Sequence[float | None] = SPIKE, /, *breached: int, step: int = 1, **changes: Any
) -> LineChart | NoChart:
    """A chart of the bounce rate whose breaches are at these positions."""
    shown = series(values, step)
    given_ = {
        "name": "alert-bounce_spike",
        "title": "Bounce rate",
        "unit": Unit.PERCENT,
        "rollup": Rollup.WEIGHTED_MEAN,
        "series": shown,
        "kind": PeriodKind.DAY,
        "limit": 60.0,
        "limit_text": "limit 60 %",
        "clear": None,
        "clear_text": "",
        "usual": None,
        "breaches": {shown.days[n] for n in breached},
        "open_end": False,
        "locale": "en",
    }
    return alert_chart(**(given_ | changes))  # type: ignore[arg-type]  # fields by name


def line(
    values: Sequence[float | None] = SPIKE, /, *breached: int, step: int = 1, **changes: Any
) -> LineChart:
    spec = chart(values, *breached, step=step, **changes)
    assert isinstance(spec, LineChart), spec
    return spec


def marks(spec: LineChart) -> list[tuple[int, str]]:
    return [(mark.position, mark.text.replace("\N{NO-BREAK SPACE}", " ")) for mark in spec.marks]


def alt(spec: LineChart) -> str:
    return spec.alt.replace("\N{NO-BREAK SPACE}", " ").replace("\N{THIN SPACE}", " ")


def test_an_alert_shows_its_days_its_limits_what_is_usual_and_the_breach() -> None:
    spec = line(SPIKE, 6, clear=50.0, clear_text="clears below 50 %", usual=(14.2, 22.1))
    assert (spec.name, spec.title) == ("alert-bounce-spike", "Bounce rate")
    assert spec.days[-2:] == ("Sun 22", "Mon 23")
    assert spec.values == SPIKE
    assert spec.label == "Tue, Nov 17 – Mon, Nov 23"
    assert spec.limits == (
        Limit(at=60.0, text="limit 60 %", strong=True),
        Limit(at=50.0, text="clears below 50 %", strong=False),
    )
    assert spec.usual == Band(low=14.2, high=22.1, text="usual 14.2–22.1\N{NO-BREAK SPACE}%")
    assert (spec.breaches, spec.breach_label) == ((6,), "beyond the limit")
    assert marks(spec) == [(2, "15.0 %"), (6, "64.3 %")]


def test_the_alt_text_says_the_value_the_limits_the_breach_and_what_is_usual() -> None:
    spec = line(SPIKE, 6, clear=50.0, clear_text="clears below 50 %", usual=(14.2, 22.1))
    assert alt(spec) == (
        "Bounce rate by day, Tue, Nov 17 – Mon, Nov 23: 64.3 % on Mon, Nov 23; "
        "limit 60 %, clears below 50 %, usual 14.2–22.1 %. Beyond the limit on Mon, Nov 23."
    )


@pytest.mark.parametrize(
    ("values", "breached", "end"),
    [
        (SPIKE[:6], (), ": 19.0 % on Mon, Nov 23; limit 60 %."),
        (
            (*SPIKE[:5], None, 61.0),
            (6,),
            "limit 60 %. Beyond the limit on Mon, Nov 23. No value on Sun, Nov 22.",
        ),
        (
            (9.0, *(70.0,) * 5, 9.0),
            (1, 2, 3, 4, 5),
            "Beyond the limit on Fri, Nov 20; Sat, Nov 21; Sun, Nov 22 and 2 more before.",
        ),
        (
            (*SPIKE[:5], None, None),
            (),
            "17.3 % on Sat, Nov 21; limit 60 %. No value on Sun, Nov 22; Mon, Nov 23.",
        ),
    ],
    ids=["no breach", "a gap", "many", "the last day is missing"],
)
def test_the_alt_text_names_the_latest_breaches_and_the_gaps(
    values: Sequence[float | None], breached: tuple[int, ...], end: str
) -> None:
    assert alt(line(values, *breached)).endswith(end)


@pytest.mark.parametrize(
    ("values", "changes", "label"),
    [
        (SPIKE, {}, "beyond the limit"),
        ((9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 3.0), {"limit": 5.0}, "beyond the limit"),
        (SPIKE, {"limit": None, "usual": (14.0, 22.0)}, "outside the usual range"),
        (SPIKE, {"limit": None}, "set off the alert"),
        ((*SPIKE[:6], None), {"limit": None}, "no data"),
    ],
    ids=["above", "below", "unusual", "a rule without a line", "missing"],
)
def test_the_rings_are_named_by_what_the_breaches_have_in_common(
    values: Sequence[float | None], changes: dict[str, Any], label: str
) -> None:
    assert line(values, 6, **changes).breach_label == label
    assert line(values, **changes).breach_label == ""


def test_breaches_on_both_sides_of_the_line_were_beyond_the_limits_of_their_days() -> None:
    assert line(SPIKE, 1, 6).breach_label == "beyond that day's limit"


@pytest.mark.parametrize(
    ("values", "breached", "shown"),
    [
        (SPIKE, (), [(2, "15.0 %"), (6, "64.3 %")]),
        ((9.0, 9.0, 8.0, 62.0, 61.0, 63.0, 9.0), (3, 4, 5),
         [(2, "8.0 %"), (3, "62.0 %"), (4, "61.0 %"), (5, "63.0 %"), (6, "9.0 %")]),
        ((9.0, 8.0, 65.0, 62.0, 61.0, 63.0, 9.0), (2, 3, 4, 5),
         [(1, "8.0 %"), (2, "65.0 %"), (5, "63.0 %"), (6, "9.0 %")]),
        ((9.0, 8.0, 8.5, 7.0, None, None, None), (4, 5, 6),
         [(0, "9.0 %"), (3, "7.0 %"), (6, "no data")]),
        ((7.0, 9.0, 62.0, 8.0, None, 9.5, 8.5), (2, 4),
         [(0, "7.0 %"), (2, "62.0 %"), (4, "no data"), (6, "8.5 %")]),
    ],
    ids=["none", "few", "many: the latest", "missing: the latest", "missing and high"],
)  # fmt: skip
def test_breaches_are_worded_beside_the_highest_the_lowest_and_the_last(
    values: Sequence[float | None], breached: tuple[int, ...], shown: list[tuple[int, str]]
) -> None:
    assert marks(line(values, *breached)) == shown


def test_the_day_so_far_says_so_and_is_not_taken_for_the_lowest() -> None:
    spec = line((9.0, 7.0, 8.0, 1.0), open_end=True)
    assert spec.open_end
    assert marks(spec) == [(0, "9.0 %"), (1, "7.0 %"), (3, "1.0 % so far")]
    assert ": 1.0 % so far on Mon, Nov 23;" in alt(spec)


def test_a_day_so_far_without_a_value_leaves_the_others_as_they_are() -> None:
    spec = line((9.0, 7.0, 8.0, None), open_end=True)
    assert marks(spec) == [(0, "9.0 %"), (1, "7.0 %"), (2, "8.0 %")]
    assert "so far" not in alt(spec)


def test_missing_data_that_set_off_an_alert_is_said_once() -> None:
    spec = line((*SPIKE[:4], None, None, None), 5, 6, limit=None, limit_text="")
    assert alt(spec).endswith(
        ": 20.0 % on Fri, Nov 20. No data on Sun, Nov 22; Mon, Nov 23. No value on Sat, Nov 21."
    )


@pytest.mark.parametrize(
    ("values", "kind", "sentence"),
    [
        ((), PeriodKind.DAY, "no day has a value"),
        ((None,) * 28, PeriodKind.DAY, "no day has a value"),
        ((None, 5.0, None), PeriodKind.DAY, "only one day has a value"),
        ((None, 5.0), PeriodKind.WEEK, "only one week has a value"),
        ((None, None), PeriodKind.MONTH, "no month has a value"),
    ],
)
def test_too_few_values_are_a_sentence(
    values: Sequence[float | None], kind: PeriodKind, sentence: str
) -> None:
    assert chart(values, kind=kind) == NoChart(
        name="alert-bounce-spike",
        title="Bounce rate",
        sentence=f"Bounce rate: {sentence}, so there is no chart.",
    )


def test_zeros_are_a_line_for_that_may_be_why_there_is_an_alert() -> None:
    spec = line((0.0,) * 7, 6, limit=5.0)
    assert spec.axis[0].at == 0
    assert spec.axis[-1].at >= 5


@pytest.mark.parametrize(
    ("changes", "first", "last"),
    [
        ({"limit": 60.0}, 0.0, 60.0),
        ({"limit": 950.0}, 0.0, 1000.0),
        ({"limit": 1.0}, 0.0, 30.0),
        ({"limit": None, "usual": (10.0, 88.0)}, 0.0, 90.0),
        ({"limit": 40.0, "clear": 110.0}, 0.0, 150.0),
        ({"limit": 11.0, "rollup": Rollup.LAST}, 10.0, 22.0),
    ],
    ids=["far above", "very far", "below the values", "usual", "clear", "a level"],
)
def test_the_axis_holds_the_values_and_all_that_they_are_held_against(
    changes: dict[str, Any], first: float, last: float
) -> None:
    spec = line((18.0, 20.0, 21.0), **changes)
    assert spec.axis[0].at <= first
    assert spec.axis[-1].at >= last
    assert spec.axis[-1].at <= 2 * last


def test_a_limit_below_zero_is_told_but_not_drawn() -> None:
    spec = line(SPIKE, limit=-2.0, limit_text="limit −2 %", clear=-1.0, clear_text="clears at −1 %")
    assert spec.limits == ()
    assert "limit −2 %, clears at −1 %" in spec.alt


@pytest.mark.parametrize(
    ("unit", "usual", "words"),
    [
        (Unit.PERCENT, (14.2, 22.1), "usual 14.2–22.1 %"),
        (Unit.PERCENT, (-3.0, 22.1), "usual 0.0–22.1 %"),
        (Unit.PERCENT, (14.21, 14.22), "usual 14.2 %"),
        (Unit.COUNT, (1104.4, 1330.0), "usual 1,104–1,330"),
        (Unit.COUNT, (1_104_000.0, 1_330_000.0), "usual 1.1M–1.3M"),
        (Unit.COUNT, (1_304_000.0, 1_330_000.0), "usual 1,304,000–1,330,000"),
        (Unit.DURATION, (45.0, 72.0), "usual 45 s – 1 m 12 s"),
        (Unit.RATIO, (1.2, 3.456), "usual 1.20–3.46"),
    ],
)
def test_what_is_usual_is_worded_in_its_unit(
    unit: Unit, usual: tuple[float, float], words: str
) -> None:
    band = line(SPIKE, unit=unit, usual=usual).usual
    assert band is not None
    assert band.text.replace("\N{NO-BREAK SPACE}", " ") == words
    assert band.low >= 0


@pytest.mark.parametrize(
    ("kind", "step", "days", "span", "said"),
    [
        (PeriodKind.DAY, 1, ("Sat 21", "Sun 22", "Mon 23"), "Sat, Nov 21 – Mon, Nov 23",
         "by day, Sat, Nov 21 – Mon, Nov 23: 64.3 % on Mon, Nov 23;"),
        (PeriodKind.WEEK, 7, ("Nov 9", "Nov 16", "Nov 23"), "Mon, Nov 9 – Sun, Nov 29",
         "by week, Mon, Nov 9 – Sun, Nov 29: 64.3 % in the week Nov 23 – 29, 2026;"),
        (PeriodKind.MONTH, 30, ("Sep 2026", "Oct 2026", "Nov 2026"), "Sep 2026 – Nov 2026",
         "by month, Sep 2026 – Nov 2026: 64.3 % in November 2026;"),
    ],
)  # fmt: skip
def test_points_are_named_by_what_they_stand_for(
    kind: PeriodKind, step: int, days: tuple[str, ...], span: str, said: str
) -> None:
    spec = line(SPIKE[-3:], kind=kind, step=step)
    assert (spec.days, spec.label) == (days, span)
    assert said in alt(spec)


def test_a_title_with_a_name_from_outside_is_clean_in_the_picture_and_whole_in_the_words() -> None:
    spec = line(SPIKE, title="Sessions by platform: \U0001f389 \u202eiOS")
    assert spec.title == "Sessions by platform: iOS"
    assert spec.alt.startswith("Sessions by platform: \U0001f389 iOS by day, ")


def test_a_quarter_of_days_names_the_months() -> None:
    spec = line(SPIKE * 13)
    assert (spec.days[0], spec.days[-1]) == ("Aug 25", "Nov 23")


def test_breaches_of_other_days_are_left_out() -> None:
    spec = line(SPIKE, breaches=[LAST, LAST + timedelta(1), date(2020, 1, 1)])
    assert spec.breaches == (6,)


@pytest.mark.parametrize("locale", ["en", "de", "fr", "pt_BR", "ja", "ar", "hi_IN"])
@pytest.mark.parametrize("count", [2, 14, 28, 90])
def test_a_chart_of_any_locale_and_length_can_be_drawn(locale: str, count: int) -> None:
    values = [1200.0 + 37 * (n % 7) for n in range(count - 1)] + [240.0]
    (drawn,) = draw(
        [line(values, count - 1, unit=Unit.COUNT, rollup=Rollup.SUM, limit=300.0, locale=locale)]
    )
    assert isinstance(drawn, Picture)


@given(
    st.lists(st.none() | st.floats(0, 1e6), max_size=30),
    st.sampled_from(list(Unit)),
    st.sampled_from(list(Rollup)),
    st.none() | st.floats(-10, 1e7),
    st.none() | st.tuples(st.floats(-10, 1e7), st.floats(0, 1e7)).map(lambda p: (min(p), max(p))),
    st.sets(st.integers(0, 29)),
    st.booleans(),
)
def test_whatever_the_numbers_the_latest_breach_is_worded_and_the_axis_holds_the_limit(  # noqa: PLR0917 — one strategy each
    values: list[float | None],
    unit: Unit,
    rollup: Rollup,
    limit: float | None,
    usual: tuple[float, float] | None,
    breached: set[int],
    open_end: bool,  # noqa: FBT001 — the same
) -> None:
    at = sorted(n for n in breached if n < len(values))
    spec = chart(values, *at, unit=unit, rollup=rollup, limit=limit, usual=usual, open_end=open_end)
    if isinstance(spec, NoChart):
        assert sum(value is not None for value in values) < 2
        return
    assert spec.breaches == tuple(at)
    assert not at or at[-1] in {mark.position for mark in spec.marks}
    held = [one.at for one in spec.limits] + (
        [spec.usual.low, spec.usual.high] if spec.usual else []
    )
    slack = 1e-6 * (spec.axis[-1].at - spec.axis[0].at)
    assert all(spec.axis[0].at - slack <= at <= spec.axis[-1].at + slack for at in held)
    assert spec.alt.endswith(".")
    assert ".." not in spec.alt
