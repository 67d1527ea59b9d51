from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.deltas import Delta, DeltaKind, Sense, difference
from digest.core.metrics import CATALOGUE, Metric, Unit
from digest.core.periods import BaselineKind, BaselineRule, baseline_of, parse_period
from digest.core.wording import MISSING, Wording

NBSP = "\N{NO-BREAK SPACE}"
EN, DE, HI = Wording("en"), Wording("de"), Wording("hi")


def plain(text: str) -> str:
    """With ordinary spaces, so that expectations can be read."""
    return re.sub(r"[\u00a0\u2009\u202f]", " ", text)


@pytest.mark.parametrize(
    ("value", "en", "de"),
    [
        (0, "0", "0"),
        (7, "7", "7"),
        (1234, "1,234", "1.234"),
        (1234567, "1,234,567", "1.234.567"),
        (80.142857, "80.1", "80,1"),
        (0.25, "0.3", "0,3"),
        (99.96, "100.0", "100,0"),
        (120.4, "120", "120"),
        (120.5, "121", "121"),
        (-1234, "−1,234", "−1.234"),
        (10**15, "1,000,000,000,000,000", "1.000.000.000.000.000"),
    ],
)
def test_counts(value: float, en: str, de: str) -> None:
    assert (EN.count(value), DE.count(value)) == (en, de)


def test_indian_locales_group_in_lakhs() -> None:
    assert HI.count(1234567) == "12,34,567"


@pytest.mark.parametrize(
    ("value", "en", "de"),
    [
        (9999, "9,999", "9.999"),
        (0.25, "0.25", "0,25"),
        (12_000, "12K", "12.000"),
        (123_456, "123.5K", "123.456"),
        (1_250_000, "1.3M", "1,3 Mio."),
        (-12_000, "−12K", "−12.000"),
    ],
)
def test_short_counts_for_axes(value: float, en: str, de: str) -> None:
    assert (plain(EN.compact(value)), plain(DE.compact(value))) == (en, de)


@pytest.mark.parametrize(
    ("value", "en", "de"),
    [
        (0, "0.0 %", "0,0 %"),
        (31.44, "31.4 %", "31,4 %"),
        (31.45, "31.5 %", "31,5 %"),
        (100, "100.0 %", "100,0 %"),
        (-31.45, "−31.5 %", "−31,5 %"),
        (-0.04, "0.0 %", "0,0 %"),
        (1234.5, "1,234.5 %", "1.234,5 %"),
    ],
)
def test_percents(value: float, en: str, de: str) -> None:
    assert (plain(EN.percent(value)), plain(DE.percent(value))) == (en, de)


def test_a_number_and_its_unit_are_not_broken_apart() -> None:
    assert EN.percent(31.4) == f"31.4{NBSP}%"
    assert EN.duration(192) == f"3{NBSP}m{NBSP}12{NBSP}s"


@pytest.mark.parametrize(
    ("seconds", "en", "de"),
    [
        (0, "0.0 s", "0,0 s"),
        (4.26, "4.3 s", "4,3 s"),
        (9.94, "9.9 s", "9,9 s"),
        (9.96, "10 s", "10 s"),
        (45, "45 s", "45 s"),
        (59.4, "59 s", "59 s"),
        (59.5, "1 m 00 s", "1 m 00 s"),
        (60, "1 m 00 s", "1 m 00 s"),
        (192, "3 m 12 s", "3 m 12 s"),
        (3599.4, "59 m 59 s", "59 m 59 s"),
        (3599.6, "1 h 00 m", "1 h 00 m"),
        (3900, "1 h 05 m", "1 h 05 m"),
        (4_320_000, "1,200 h 00 m", "1.200 h 00 m"),
        (-192, "−3 m 12 s", "−3 m 12 s"),
    ],
)
def test_durations(seconds: float, en: str, de: str) -> None:
    assert (plain(EN.duration(seconds)), plain(DE.duration(seconds))) == (en, de)


@pytest.mark.parametrize(
    ("unit", "value", "en"),
    [
        (Unit.COUNT, None, MISSING),
        (Unit.COUNT, float("nan"), MISSING),
        (Unit.PERCENT, float("inf"), MISSING),
        (Unit.COUNT, 1234.0, "1,234"),
        (Unit.PERCENT, 28.3, "28.3 %"),
        (Unit.DURATION, 192.0, "3 m 12 s"),
        (Unit.RATIO, 5.231, "5.23"),
        (Unit.RATIO, 0.285, "0.29"),
    ],
)
def test_values_in_their_units(unit: Unit, value: float | None, en: str) -> None:
    assert plain(EN.value(unit, value)) == en


def changed(change: float, percent: float | None) -> Delta:
    return Delta(kind=DeltaKind.CHANGED, change=change, percent=percent, sense=Sense.BETTER)


@pytest.mark.parametrize(
    ("unit", "delta", "en", "de"),
    [
        pytest.param(Unit.COUNT, changed(123, 12.34), "+12.3 %", "+12,3 %", id="rise"),
        pytest.param(Unit.COUNT, changed(-123, -12.34), "−12.3 %", "−12,3 %", id="fall"),
        pytest.param(Unit.PERCENT, changed(-3.14, None), "−3.1 pp", "−3,1 pp", id="points"),
        pytest.param(Unit.DURATION, changed(30, 25.0), "+25.0 %", "+25,0 %", id="duration"),
        pytest.param(Unit.COUNT, changed(1, 0.01), "+<0.1 %", "+<0,1 %", id="hardly more"),
        pytest.param(Unit.PERCENT, changed(-0.01, None), "−<0.1 pp", "−<0,1 pp", id="hardly less"),
        pytest.param(Unit.COUNT, changed(1, 49_900.0), "+49,900 %", "+49.900 %", id="enormous"),
        pytest.param(Unit.DURATION, changed(62, None), "+1 m 02 s", "+1 m 02 s", id="no percent"),
        pytest.param(Unit.COUNT, Delta(kind=DeltaKind.NEW, change=7), "new", "new", id="new"),
        pytest.param(
            Unit.COUNT,
            Delta(kind=DeltaKind.NO_CHANGE, change=0.0, percent=0.0),
            "no change",
            "no change",
            id="no change",
        ),
        pytest.param(Unit.COUNT, Delta(kind=DeltaKind.NO_DATA), "no data", "no data", id="no data"),
        pytest.param(
            Unit.COUNT,
            Delta(kind=DeltaKind.NO_BASELINE),
            "no baseline",
            "no baseline",
            id="no baseline",
        ),
        pytest.param(
            Unit.COUNT,
            Delta(kind=DeltaKind.PARTIAL),
            "period not over",
            "period not over",
            id="partial",
        ),
    ],
)
def test_deltas(unit: Unit, delta: Delta, en: str, de: str) -> None:
    assert (plain(EN.delta(unit, delta)), plain(DE.delta(unit, delta))) == (en, de)


@pytest.mark.parametrize(
    ("unit", "change", "en"),
    [
        (Unit.COUNT, 1200, "+1,200"),
        (Unit.COUNT, -12.5, "−12.5"),
        (Unit.PERCENT, -3.14, "−3.1 pp"),
        (Unit.DURATION, -62, "−1 m 02 s"),
        (Unit.RATIO, 0.5, "+0.50"),
    ],
)
def test_changes_in_the_metrics_own_unit(unit: Unit, change: float, en: str) -> None:
    assert plain(EN.change(unit, change)) == en


@pytest.mark.parametrize(
    ("delta", "arrow", "sense"),
    [
        (changed(5, 5), "▲", "better"),
        (changed(-5, -5), "▼", "better"),
        (Delta(kind=DeltaKind.NEW, change=5, sense=Sense.WORSE), "▲", "worse"),
        (Delta(kind=DeltaKind.NO_CHANGE, change=0.0, sense=Sense.FLAT), "=", ""),
        (Delta(kind=DeltaKind.NO_DATA), "", ""),
        (Delta(kind=DeltaKind.PARTIAL), "", ""),
    ],
)
def test_direction_and_sense_need_no_colour(delta: Delta, arrow: str, sense: str) -> None:
    assert (EN.arrow(delta), EN.sense(delta)) == (arrow, sense)


@pytest.mark.parametrize(
    ("period", "en", "en_gb", "de"),
    [
        ("2026-11-22", "Sun, Nov 22, 2026", "Sun, 22 Nov 2026", "So., 22. Nov. 2026"),
        ("2026-W47", "Nov 16 – 22, 2026", "16–22 Nov 2026", "16.–22. Nov. 2026"),
        (
            "2026-W53",
            "Dec 28, 2026 – Jan 3, 2027",
            "28 Dec 2026 – 3 Jan 2027",
            "28. Dez. 2026 – 3. Jan. 2027",
        ),
        ("2026-11", "November 2026", "November 2026", "November 2026"),
    ],
)
def test_periods_in_words(period: str, en: str, en_gb: str, de: str) -> None:
    found = [plain(Wording(x).period(parse_period(period))) for x in ("en", "en_GB", "de")]
    assert found == [en, en_gb, de]


def test_days_in_words() -> None:
    days = parse_period("2026-W47").days
    assert Wording("en_GB").day(days[0]) == "Mon 16 Nov"
    assert EN.days(days[:2]) == "Mon, Nov 16; Tue, Nov 17"
    assert EN.days(days) == "Mon, Nov 16; Tue, Nov 17; Wed, Nov 18; 4 more"
    assert EN.long_day(days[0]) == "November 16, 2026"
    assert DE.weekday(days[0]) == "Mo."


@pytest.mark.parametrize(
    ("period", "first", "count"),
    [("2026-W47", "Mon 16", 7), ("2026-11", "1", 30), ("2026-11-22", "Sun 22", 1)],
)
def test_there_is_one_tick_for_each_day(period: str, first: str, count: int) -> None:
    covered = parse_period(period)
    ticks = [EN.tick(day, covered.kind) for day in covered.days]
    assert (ticks[0], len(ticks)) == (first, count)


def test_an_instant_is_worded_in_the_readers_zone_without_seconds() -> None:
    instant = datetime(2026, 11, 23, 7, 0, 5, tzinfo=UTC)
    assert Wording("en_GB").instant(instant, ZoneInfo("Europe/Berlin")) == "23 Nov 2026, 08:00"
    assert DE.instant(instant, ZoneInfo("Asia/Tokyo")) == "23.11.2026, 16:00"


@pytest.mark.parametrize(
    ("period", "rule", "words"),
    [
        ("2026-W47", BaselineRule(), "the week before"),
        ("2026-11-22", BaselineRule(), "the day before"),
        (
            "2026-11-22",
            BaselineRule(BaselineKind.SAME_WEEKDAY),
            "the same weekday a week before",
        ),
        ("2026-W47", BaselineRule(BaselineKind.SAME_WEEKDAY), "the week before"),
        ("2026-W47", BaselineRule(BaselineKind.TRAILING, 1), "the week before"),
        ("2026-W47", BaselineRule(BaselineKind.TRAILING, 4), "the mean of the 4 weeks before"),
        ("2026-11", BaselineRule(BaselineKind.YEAR), "the same month a year before"),
    ],
)
def test_baselines_in_words(period: str, rule: BaselineRule, words: str) -> None:
    assert EN.baseline(baseline_of(parse_period(period), rule)) == words


LOCALES = st.sampled_from(
    ["en", "en_GB", "de", "de_CH", "fr", "es", "pt_BR", "pl", "sv", "hi", "ja", "zh", "ar", "he"]
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NOT_FOR_PEOPLE = re.compile(r"nan|inf|none|e[+-]?\d", re.IGNORECASE)


@given(locale=LOCALES, unit=st.sampled_from(Unit), value=FINITE)
def test_no_value_is_ever_worded_as_nan_inf_or_none(locale: str, unit: Unit, value: float) -> None:
    words = Wording(locale)
    said = (words.value(unit, value), words.change(unit, value), words.compact(value))
    for text in said:
        assert text
        assert not NOT_FOR_PEOPLE.search(text)
        assert "-" not in text


@given(
    locale=LOCALES,
    metric=st.sampled_from(Metric),
    value=st.none() | st.floats(0, 1e308),
    baseline=st.none() | st.floats(0, 1e308),
)
def test_no_delta_is_ever_worded_as_nan_inf_or_none(
    locale: str, metric: Metric, value: float | None, baseline: float | None
) -> None:
    words, delta = Wording(locale), difference(metric, value, baseline)
    text = words.delta(CATALOGUE[metric].unit, delta)
    assert text
    assert not NOT_FOR_PEOPLE.search(text)
    assert words.arrow(delta) in {"▲", "▼", "=", ""}


@given(value=st.floats(0, 1e15))
def test_what_is_printed_is_the_nearest_whole_number(value: float) -> None:
    if value >= 100:
        printed = int(EN.count(value).replace(",", ""))
        assert abs(printed - value) <= 0.5


@given(day=st.dates(date(1980, 1, 1), date(2199, 1, 1)), locale=LOCALES)
def test_every_locale_can_name_every_day(day: date, locale: str) -> None:
    words = Wording(locale)
    assert str(day.day) in words.day(day)
    assert str(day.year) in words.period(parse_period(f"{day:%Y-%m}"))
