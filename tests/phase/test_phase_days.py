"""Ranges of days as the API wants them, and rows of breakdowns as readers want them."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.phase.answers import CountRow, merged
from digest.phase.days import LONGEST_RANGE, bounds, in_words, parts

DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@settings(deadline=None)
@given(start=DAYS, length=st.integers(1, 2000))
def test_parts_cover_a_range_without_gap_or_overlap(start: date, length: int) -> None:
    end = start + timedelta(days=length)
    found = list(parts(start, end))
    assert found[0][0] == start
    assert found[-1][1] == end
    assert all(one[1] == other[0] for one, other in pairwise(found))
    assert all(first < stop <= first + LONGEST_RANGE for first, stop in found)
    assert len(found) == -(-length // 365)


@settings(deadline=None)
@given(start=DAYS, length=st.integers(1, 365))
def test_bounds_are_the_first_and_the_last_millisecond(start: date, length: int) -> None:
    end = start + timedelta(days=length)
    last = end - timedelta(days=1)
    assert bounds(start, end) == {
        "startDate": f"{start.isoformat()}T00:00:00.000Z",
        "endDate": f"{last.isoformat()}T23:59:59.999Z",
    }


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (None, None, "all time"),
        (None, date(2026, 1, 1), "up to 2025-12-31"),
        (date(2026, 1, 1), None, "from 2026-01-01"),
        (date(2024, 2, 29), date(2024, 3, 1), "2024-02-29"),
        (date(2026, 11, 16), date(2026, 11, 23), "2026-11-16 to 2026-11-22"),
    ],
)
def test_a_range_in_words_names_its_last_day(
    start: date | None, end: date | None, words: str
) -> None:
    assert in_words(start, end) == words


@pytest.mark.parametrize(
    ("country", "label"),
    [("FR", "Paris, FR"), ("", "Paris"), ("unknown", "Paris"), (None, "Paris")],
)
def test_a_city_is_shown_with_its_country_where_one_is_known(
    country: str | None, label: str
) -> None:
    assert CountRow(value="Paris", count=1, country=country).label == label


ROWS = st.lists(
    st.builds(
        CountRow,
        value=st.sampled_from(["ios", "android", "", "unknown", "<b>", "Ünïcode 🎉"]),
        count=st.integers(0, 10**15),
        country=st.sampled_from([None, "", "DE", "FR", "unknown"]),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(ROWS)
def test_merging_keeps_the_sum_and_names_each_value_once(rows: list[CountRow]) -> None:
    found = merged(rows)
    assert sum(count for _, count in found) == sum(row.count for row in rows)
    assert {value for value, _ in found} == {row.label for row in rows}
    assert len({value for value, _ in found}) == len(found)
    assert list(found) == sorted(found, key=lambda row: (-row[1], row[0]))
    assert merged(reversed(rows)) == found
