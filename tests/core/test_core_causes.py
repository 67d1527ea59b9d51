from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from digest.core.breakdowns import Listing
from digest.core.causes import MOST, Cause, cause_wants, causes, unmoved
from digest.core.metrics import Dimension, Metric
from digest.core.periods import (
    Baseline,
    BaselineKind,
    BaselineRule,
    Period,
    baseline_of,
    day_of,
    week_of,
)
from digest.core.rules.reading import Known, ListWant
from digest.core.wording import Wording
from tests.support import sql_truth
from tests.support.sql_truth import MICROS, RULES, SHOP

if TYPE_CHECKING:
    import sqlite3

WORDS = Wording("en")
DAY = day_of(date(2026, 11, 21))
BEFORE = baseline_of(DAY, BaselineRule(BaselineKind.SAME_WEEKDAY))
PLATFORM, COUNTRY = Dimension.SESSIONS_PLATFORM, Dimension.SESSIONS_COUNTRY
EVENT, SCREEN = Dimension.EVENTS_EVENT_NAME, Dimension.EVENTS_SCREEN_NAME
Sides = tuple[Listing, Listing]


def listing(*, complete: bool = True, **counts: int) -> Listing:
    return Listing(rows=tuple(counts.items()), complete=complete)


def known_of(
    lists: dict[Dimension, Sides],
    baseline: Baseline = BEFORE,
    sessions: tuple[float, float] | None = None,
) -> Known:
    """Lists as (before, now), and all sessions of (each day before, now)."""
    days = {}
    if sessions is not None:
        days = {day: sessions[0] for one in baseline.periods for day in one.days}
        days[DAY.start] = sessions[1]
    found = {}
    for dimension, (then, now) in lists.items():
        found[ListWant(dimension, baseline.start, baseline.end)] = then
        found[ListWant(dimension, DAY.start, DAY.end)] = now
    return Known(values={Metric.SESSIONS: days} if days else {}, lists=found)


def said(found: tuple[Cause, ...]) -> list[str]:
    return [one.sentence.replace("\N{NO-BREAK SPACE}", " ") for one in found]


def of_sessions(
    lists: dict[Dimension, Sides], before: float | None, now: float | None
) -> tuple[Cause, ...]:
    return causes(Metric.SESSIONS, known_of(lists), DAY, BEFORE, totals=(now, before), words=WORDS)


@pytest.mark.parametrize(
    ("metric", "dimensions"),
    [
        (Metric.SESSIONS, {PLATFORM, COUNTRY}),
        (Metric.BOUNCE_RATE, {PLATFORM, COUNTRY}),
        (Metric.SESSION_DURATION, {PLATFORM, COUNTRY}),
        (Metric.SESSIONS_PER_USER, {PLATFORM, COUNTRY}),
        (Metric.ACTIVE_USERS, {PLATFORM, COUNTRY}),
        (Metric.NEW_USERS, {PLATFORM, COUNTRY}),
        (Metric.TOTAL_USERS, {PLATFORM, COUNTRY}),
        (Metric.EVENTS, {EVENT, SCREEN, PLATFORM}),
        (Metric.EVENTS_PER_SESSION, {EVENT, SCREEN, PLATFORM, COUNTRY}),
    ],
)
def test_both_sides_of_each_breakdown_that_can_tell_something_are_wanted(
    metric: Metric, dimensions: set[Dimension]
) -> None:
    trailing = baseline_of(week_of(DAY.start), BaselineRule(BaselineKind.TRAILING, 4))
    wants = cause_wants(metric, week_of(DAY.start), trailing)
    spans = {(date(2026, 11, 16), date(2026, 11, 23)), (date(2026, 10, 19), date(2026, 11, 16))}
    assert wants.lists == {ListWant(d, *span) for d in dimensions for span in spans}
    assert wants.series == frozenset()


@pytest.mark.parametrize(
    ("lists", "totals", "expected"),
    [
        pytest.param(
            {PLATFORM: (listing(ios=310, android=190), listing(ios=120, android=110))},
            (500, 230),
            [],
            id="all fell alike: none explains it, whatever its part of the drop",
        ),
        pytest.param(
            {PLATFORM: (listing(ios=310, android=190), listing(ios=120, android=150))},
            (500, 270),
            ["ios explains 83 % of the drop: 310 → 120 sessions."],
            id="one fell much more than the rest",
        ),
        pytest.param(
            {PLATFORM: (listing(ios=310, android=190), listing(ios=120, android=190))},
            (500, 310),
            ["ios explains all of the drop: 310 → 120 sessions."],
            id="nothing else changed",
        ),
        pytest.param(
            {PLATFORM: (listing(ios=310, android=190), listing(ios=120, android=230))},
            (500, 350),
            [
                (
                    "ios explains more than the whole drop (127 % of it): 310 → 120 sessions,"
                    " while all others together rose by 40."
                )
            ],
            id="others went the other way",
        ),
        pytest.param(
            {PLATFORM: (listing(ios=310), listing(ios=310, web=90))},
            (310, 400),
            ["web explains all of the rise: 0 → 90 sessions."],
            id="a new value: the list before was complete",
        ),
        pytest.param(
            {PLATFORM: (listing(ios=310, web=90), listing(ios=310))},
            (400, 310),
            ["web explains all of the drop: 90 → 0 sessions."],
            id="a value that is gone: the list now is complete",
        ),
        pytest.param(
            {COUNTRY: (listing(DE=60, FR=40, complete=False), listing(DE=60, BR=190))},
            (200, 350),
            ["BR explains all of the rise or more: at most 40 → 190 sessions."],
            id="beyond the end of a cut list it had at most what the last one has",
        ),
        pytest.param(
            {COUNTRY: (listing(DE=60, BR=190), listing(DE=60, FR=40, complete=False))},
            (400, 240),
            ["BR explains at least 94 % of the drop: 190 → at most 40 sessions."],
            id="the same the other way round",
        ),
        pytest.param(
            {COUNTRY: (listing(DE=60, FR=40, complete=False), listing(DE=60, BR=39))},
            (200, 350),
            [],
            id="beyond the end: not even the direction is known",
        ),
        pytest.param(
            {PLATFORM: (listing(ios=12, android=10), listing(ios=29, android=10))},
            (22, 39),
            [],
            id="small counts are no cause",
        ),
        pytest.param(
            {PLATFORM: (listing(ios=310, android=190), listing(ios=280, android=190))},
            (500, 470),
            [],
            id="what chance does is no cause",
        ),
        pytest.param(
            {PLATFORM: (listing(ios=310, android=190), listing(ios=120, android=410))},
            (500, 530),
            [
                (
                    "android explains more than the whole rise (733 % of it): 190 → 410 sessions,"
                    " while all others together fell by 190."
                )
            ],
            id="two that moved against each other, in a small rise",
        ),
        pytest.param(
            {PLATFORM: (listing(ios=310, android=190), listing(ios=110, android=390))},
            (500, 500),
            [],
            id="no change at all has no parts",
        ),
        pytest.param(
            {PLATFORM: (listing(ios=310, android=190), listing(ios=110, android=366))},
            (500, 476),
            [],
            id="nor has one of less than 5 %",
        ),
        pytest.param(
            {PLATFORM: (listing(ios=310), listing())}, (310, 0), [], id="nothing was counted at all"
        ),
        pytest.param(
            {PLATFORM: (listing(), listing(ios=200, android=100))},
            (0, 300),
            [],
            id="nothing was counted before: everything is new",
        ),
        pytest.param({}, (500, 310), [], id="no lists"),
        pytest.param(
            {
                PLATFORM: (listing(ios=310, android=190), listing(ios=120, android=190)),
                COUNTRY: (
                    listing(DE=100, FR=60, US=240, BR=100),
                    listing(DE=20, FR=5, US=205, BR=80),
                ),
            },
            (500, 310),
            [
                "ios explains all of the drop: 310 → 120 sessions.",
                "DE explains 42 % of the drop: 100 → 20 sessions.",
                "FR explains 29 % of the drop: 60 → 5 sessions.",
            ],
            id="the weightiest first, at most two of a breakdown",
        ),
    ],
)
def test_what_explains_a_change_in_sessions(
    lists: dict[Dimension, Sides], totals: tuple[int, int], expected: list[str]
) -> None:
    before, now = totals
    found = said(of_sessions(lists, before, now))
    assert found == expected


def test_a_cause_has_the_counts_and_its_share_of_the_change() -> None:
    lists = {PLATFORM: (listing(ios=310, android=190), listing(ios=120, android=150))}
    (cause,) = of_sessions(lists, 500, 270)
    assert (cause.dimension, cause.value) == (PLATFORM, "ios")
    assert (cause.before, cause.now) == (310, 120)
    assert cause.share == pytest.approx(100 * -190 / -230)


def test_a_count_that_is_not_known_is_none_and_has_no_share() -> None:
    lists = {COUNTRY: (listing(DE=60, FR=40, complete=False), listing(DE=60, BR=190))}
    (cause,) = of_sessions(lists, 200, 350)
    assert (cause.value, cause.before, cause.now, cause.share) == ("BR", None, 190, None)


def test_without_the_totals_a_cut_list_tells_counts_but_no_share() -> None:
    cut = {
        COUNTRY: (listing(DE=310, FR=90, complete=False), listing(DE=120, FR=90, complete=False))
    }
    (cause,) = of_sessions(cut, None, None)
    assert cause.sentence == "Sessions from DE fell from 310 to 120."
    assert cause.share is None
    whole = {COUNTRY: (listing(DE=310, FR=90), listing(DE=120, FR=90))}
    assert said(of_sessions(whole, None, None)) == [
        "DE explains all of the drop: 310 → 120 sessions."
    ]


def test_a_complete_list_of_more_than_the_total_is_the_better_total() -> None:
    """Data arrive between two questions."""
    lists = {PLATFORM: (listing(ios=310, android=190), listing(ios=120, android=190))}
    (cause,) = of_sessions(lists, 500, 300)
    assert cause.share == pytest.approx(100)


def test_a_baseline_of_several_periods_counts_as_their_mean() -> None:
    trailing = baseline_of(DAY, BaselineRule(BaselineKind.TRAILING, 4))
    known = known_of(
        {PLATFORM: (listing(ios=1242, android=760), listing(ios=120, android=190))}, trailing
    )
    (cause,) = causes(Metric.SESSIONS, known, DAY, trailing, totals=(310, 500.5), words=WORDS)
    assert cause.before == 310.5
    assert cause.share == pytest.approx(100)


def test_periods_that_do_not_follow_one_another_have_no_list_and_no_causes() -> None:
    apart = Baseline(
        BaselineRule(BaselineKind.TRAILING, 2),
        (day_of(date(2026, 11, 7)), day_of(date(2026, 11, 14))),
    )
    assert cause_wants(Metric.SESSIONS, DAY, apart).lists == frozenset()
    known = known_of({PLATFORM: (listing(ios=620, web=380), listing(ios=120, web=190))}, apart)
    assert causes(Metric.SESSIONS, known, DAY, apart, totals=(310, 500), words=WORDS) == ()


def test_an_unknown_platform_is_called_one() -> None:
    lists = {PLATFORM: (listing(ios=310, unknown=30), listing(ios=310, unknown=120))}
    assert said(of_sessions(lists, 340, 430)) == [
        "An unknown platform explains all of the rise: 30 → 120 sessions."
    ]


def test_events_and_screens_are_parts_of_all_events_together() -> None:
    lists = {
        EVENT: (listing(share=59, search=100), listing(share=129, search=104)),
        SCREEN: (listing(home=80, cart=41), listing(home=160, cart=40)),
    }
    found = causes(Metric.EVENTS, known_of(lists), DAY, BEFORE, totals=(433, 280), words=WORDS)
    assert said(found) == [
        "The screen “home” explains 52 % of the rise: 80 → 160 views.",
        "The event “share” explains 46 % of the rise: 59 → 129 events.",
    ]


def test_events_of_a_list_that_exceeds_the_total_have_no_share() -> None:
    lists = {EVENT: (listing(share=59, search=100), listing(share=159, search=104))}
    (cause,) = causes(Metric.EVENTS, known_of(lists), DAY, BEFORE, totals=(200, 180), words=WORDS)
    assert cause.sentence == "The event “share” rose from 59 to 159 events."
    assert cause.share is None


def test_events_per_session_are_made_of_each_events_own_ratio() -> None:
    lists = {
        EVENT: (listing(share=100, search=400), listing(share=600, search=800)),
        PLATFORM: (listing(ios=50, android=50), listing(ios=100, android=100)),
        COUNTRY: (listing(DE=100), listing(DE=200)),
    }
    known = known_of(lists, sessions=(100, 200))
    (cause,) = causes(Metric.EVENTS_PER_SESSION, known, DAY, BEFORE, totals=(7, 5), words=WORDS)
    assert said((cause,)) == [
        "The event “share” explains all of the rise: 1.00 → 3.00 per session."
    ]
    assert (cause.before, cause.now) == (100, 600)
    assert cause.share == pytest.approx(100)
    without = replace(known, values={})
    assert causes(Metric.EVENTS_PER_SESSION, without, DAY, BEFORE, totals=(7, 5), words=WORDS) == ()


@pytest.mark.parametrize(
    ("metric", "lists", "totals", "expected"),
    [
        pytest.param(
            Metric.BOUNCE_RATE,
            {PLATFORM: (listing(ios=167, android=86), listing(ios=123, android=301))},
            (60, 15),
            [
                (
                    "Sessions from android rose from 86 to 301 (34 % → 71 % of sessions) at the"
                    " same time. Phase does not tell bounce rate by platform."
                )
            ],
            id="a rate: the group whose sessions moved most of those with another share",
        ),
        pytest.param(
            Metric.SESSION_DURATION,
            {COUNTRY: (listing(DE=300, FR=300), listing(DE=20, FR=310))},
            (60, 15),
            [
                (
                    "Sessions from DE fell from 300 to 20 (50 % → 6 % of sessions) at the same"
                    " time. Phase does not tell session duration by country."
                )
            ],
            id="a group that went away",
        ),
        pytest.param(
            Metric.BOUNCE_RATE,
            {PLATFORM: (listing(ios=100, android=100), listing(ios=300, android=300))},
            (60, 15),
            [],
            id="twice as many of everything changes no rate",
        ),
        pytest.param(
            Metric.BOUNCE_RATE,
            {PLATFORM: (listing(ios=20, android=35), listing(ios=27, android=28))},
            (60, 15),
            [],
            id="a mix that chance can make",
        ),
        pytest.param(
            Metric.ACTIVE_USERS,
            {PLATFORM: (listing(ios=167, android=86), listing(ios=123, android=301))},
            (400, 240),
            [
                (
                    "Sessions from android rose from 86 to 301 (34 % → 71 % of sessions) at the"
                    " same time. Phase does not tell active users by platform."
                )
            ],
            id="users: laid beside, in the words of a day",
        ),
        pytest.param(
            Metric.NEW_USERS,
            {PLATFORM: (listing(ios=200), listing(ios=190, android=150))},
            (20, 40),
            [],
            id="users: sessions that rose don't go with new users that fell",
        ),
        pytest.param(
            Metric.NEW_USERS,
            {PLATFORM: (listing(ios=200), listing(ios=190, android=150))},
            (40, None),
            [],
            id="users: nobody knows which way they went",
        ),
        pytest.param(
            Metric.BOUNCE_RATE,
            {
                COUNTRY: (
                    listing(DE=80, FR=20, complete=False),
                    listing(DE=80, FR=120, complete=False),
                )
            },
            (60, 15),
            [],
            id="a cut list without the number of sessions",
        ),
    ],
)
def test_what_moved_beside_a_metric_that_phase_does_not_break_down(
    metric: Metric,
    lists: dict[Dimension, Sides],
    totals: tuple[float | None, float | None],
    expected: list[str],
) -> None:
    found = causes(metric, known_of(lists), DAY, BEFORE, totals=totals, words=WORDS)
    assert said(found) == expected
    assert all(cause.share is None for cause in found)


def test_shares_of_a_cut_list_are_of_all_sessions_of_the_days() -> None:
    lists = {
        COUNTRY: (listing(DE=80, FR=20, complete=False), listing(DE=80, FR=120, complete=False))
    }
    known = known_of(lists, sessions=(200, 300))
    (text,) = said(causes(Metric.BOUNCE_RATE, known, DAY, BEFORE, totals=(60, 15), words=WORDS))
    assert text.startswith("Sessions from FR rose from 20 to 120 (10 % → 40 % of sessions)")


@pytest.mark.parametrize("metric", [Metric.SESSIONS, Metric.BOUNCE_RATE, Metric.ACTIVE_USERS])
def test_of_a_day_that_is_not_over_only_shares_are_compared(metric: Metric) -> None:
    lists = {PLATFORM: (listing(ios=400, android=200), listing(ios=15, android=45))}
    found = causes(
        metric, known_of(lists), DAY, BEFORE, totals=(60, 600), words=WORDS, partial=True
    )
    assert said(found) == [
        "Of the sessions so far 75 % are from android (45 of 60); before it was 33 %."
    ]
    even = {PLATFORM: (listing(ios=400, android=200), listing(ios=40, android=20))}
    assert (
        causes(metric, known_of(even), DAY, BEFORE, totals=(60, 600), words=WORDS, partial=True)
        == ()
    )


EVEN = {
    PLATFORM: (listing(ios=60, android=40), listing(ios=31, android=19)),
    COUNTRY: (listing(DE=60, FR=40), listing(DE=31, FR=19)),
}


@pytest.mark.parametrize(
    ("metric", "lists", "partial", "expected"),
    [
        (Metric.SESSIONS, EVEN, False, "No single platform or country explains it."),
        (
            Metric.BOUNCE_RATE,
            EVEN,
            False,
            (
                "No platform or country clearly changed its share of sessions (ios 60 % → 62 %,"
                " android 40 % → 38 %)."
            ),
        ),
        (
            Metric.SESSIONS,
            EVEN,
            True,
            (
                "No platform or country clearly changed its share of sessions (ios 60 % → 62 %,"
                " android 40 % → 38 %)."
            ),
        ),
        (
            Metric.EVENTS,
            {EVENT: (listing(a=40, complete=False), listing(a=41)), SCREEN: (EVEN[PLATFORM])},
            False,
            "No single event or screen of those that Phase lists explains it.",
        ),
        (Metric.SESSIONS, {PLATFORM: EVEN[PLATFORM]}, False, ""),
        (Metric.SESSIONS, {**EVEN, COUNTRY: (listing(DE=60), listing(DE=20))}, False, ""),
        (Metric.EVENTS, EVEN, False, ""),
        (
            Metric.SESSIONS,
            {**EVEN, PLATFORM: (listing(ios=60, web=40), listing(web=50))},
            False,
            "",
        ),
    ],
)
def test_that_nothing_stands_out_is_said_where_it_could_have_been_seen(
    metric: Metric,
    lists: dict[Dimension, Sides],
    *,
    partial: bool,
    expected: str,
) -> None:
    found = unmoved(
        metric, known_of(lists), DAY, BEFORE, totals=(50, 100), words=WORDS, partial=partial
    )
    assert found.replace("\N{NO-BREAK SPACE}", " ") == expected


counts = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 2000), max_size=8)


def top(counted: dict[str, int], size: int) -> Listing:
    """The `size` largest as Phase gives them: no zeros, complete if shorter than it could be."""
    ordered = sorted(((v, n) for v, n in counted.items() if n), key=lambda row: (-row[1], row[0]))
    return Listing(rows=tuple(ordered[:size]), complete=len(ordered) < size)


@given(before=counts, now=counts, size=st.integers(1, 9))
def test_whatever_the_lists_show_of_sessions_what_is_said_is_true(
    before: dict[str, int], now: dict[str, int], size: int
) -> None:
    whole = sum(now.values()) - sum(before.values())
    found = of_sessions(
        {COUNTRY: (top(before, size), top(now, size))}, sum(before.values()), sum(now.values())
    )
    assert len(found) <= 2
    for cause in found:
        was, is_now = before.get(cause.value, 0), now.get(cause.value, 0)
        assert cause.before in {was, None}
        assert cause.now in {is_now, None}
        assert whole * (is_now - was) > 0, "a cause goes the way of the whole"
        assert abs(is_now - was) >= 3 * math.sqrt(30) - 1e-9
        if cause.share is None:
            assert "at most" in cause.sentence
        else:
            assert cause.share == pytest.approx(100 * (is_now - was) / whole)
            assert ("more than the whole" in cause.sentence) == (round(cause.share) > 100)
    shares = [cause.share for cause in found if cause.share is not None]
    if len(shares) == len(found):
        assert shares == sorted(shares, reverse=True)


@given(
    before=counts,
    now=counts,
    size=st.integers(1, 9),
    metric=st.sampled_from(Metric),
    partial=st.booleans(),
    totals=st.tuples(*[st.none() | st.floats(0, 1e6)] * 2),
)
def test_nothing_is_raised_for_whatever_is_known_and_three_is_the_most(
    *,
    before: dict[str, int],
    now: dict[str, int],
    size: int,
    metric: Metric,
    partial: bool,
    totals: tuple[float | None, float | None],
) -> None:
    lists = {d: (top(before, size), top(now, size)) for d in (PLATFORM, COUNTRY, EVENT, SCREEN)}
    for sessions in (None, (sum(before.values()), sum(now.values()))):
        known = known_of(lists, sessions=sessions)
        given_ = (metric, known, DAY, BEFORE)
        found = causes(*given_, totals=totals, words=WORDS, partial=partial)
        assert len(found) <= MOST
        assert all(cause.sentence.endswith(".") for cause in found)
        told = unmoved(*given_, totals=totals, words=WORDS, partial=partial)
        assert not (found and told)


@given(counted=counts, factor=st.integers(2, 5))
def test_what_moves_all_alike_has_no_cause(counted: dict[str, int], factor: int) -> None:
    assume(sum(counted.values()) > 0)
    more = {value: factor * count for value, count in counted.items()}
    lists = {COUNTRY: (top(counted, 9), top(more, 9))}
    assert of_sessions(lists, sum(counted.values()), sum(more.values())) == ()
    known = known_of(lists)
    assert causes(Metric.BOUNCE_RATE, known, DAY, BEFORE, totals=(60, 15), words=WORDS) == ()


# The given rows: what plain SQL says of 2026-11-21, the day of the bounce spike.


@cache
def rows() -> sqlite3.Connection:
    return sql_truth.load()


def sessions_by(column: str, start: date, end: date) -> dict[str, int]:
    lasted = f"{MICROS.format('last_activity_at')} - {MICROS.format('started_at')}"
    found = rows().execute(
        f"SELECT coalesce(nullif({column}, ''), 'unknown'), count(*)"
        f" FROM sessions JOIN devices USING (device_id) WHERE app_id = '{SHOP}'"
        f" AND {lasted} >= ? * 1000000 AND substr(started_at, 1, 10) >= ?"
        " AND substr(started_at, 1, 10) < ? GROUP BY 1",
        (RULES["current"].least, start.isoformat(), end.isoformat()),
    )
    return {str(value): int(count) for value, count in found}


def known_of_the_rows(baseline: Baseline, period: Period) -> Known:
    lists = {}
    for side in (period, baseline):
        span = (side.start, side.end)
        texts = (side.start.isoformat(), side.end.isoformat())
        for dimension, counted in (
            (PLATFORM, sessions_by("platform", *span)),
            (COUNTRY, sessions_by("country", *span)),
            (EVENT, sql_truth.event_names(rows(), "current", *texts, screens=False)),
            (SCREEN, sql_truth.event_names(rows(), "current", *texts, screens=True)),
        ):
            lists[ListWant(dimension, *span)] = top(counted, dimension.cap)
    days = [baseline.start + timedelta(days=n) for n in range((period.end - baseline.start).days)]
    sessions = {
        day: float(sum(sessions_by("platform", day, day + timedelta(days=1)).values()))
        for day in days
    }
    return Known(values={Metric.SESSIONS: sessions}, lists=lists)


def measured(metric: Metric, start: date, end: date) -> float:
    found = sql_truth.metrics(rows(), "current", start.isoformat(), end.isoformat())
    return found[metric.value]


@pytest.mark.parametrize(
    "baseline",
    [BEFORE, baseline_of(DAY, BaselineRule())],
    ids=["same weekday", "the day before"],
)
def test_the_bounce_spike_of_the_rows_came_from_no_one_platform_or_country(
    baseline: Baseline,
) -> None:
    known = known_of_the_rows(baseline, DAY)
    totals = (
        measured(Metric.BOUNCE_RATE, DAY.start, DAY.end),
        measured(Metric.BOUNCE_RATE, baseline.start, baseline.end),
    )
    assert totals[0] == pytest.approx(78.947, abs=0.001)
    given_ = (Metric.BOUNCE_RATE, known, DAY, baseline)
    assert causes(*given_, totals=totals, words=WORDS) == ()
    told = unmoved(*given_, totals=totals, words=WORDS).replace("\N{NO-BREAK SPACE}", " ")
    assert told.startswith("No platform or country clearly changed its share of sessions (ios ")
    now = sessions_by("platform", DAY.start, DAY.end)
    then = sessions_by("platform", baseline.start, baseline.end)
    for value in ("ios", "android"):
        shares = [f"{100 * side[value] / sum(side.values()):.0f} %" for side in (then, now)]
        assert f"{value} {' → '.join(shares)}" in told


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 11, 21), []),
        (date(2026, 9, 26), ["ios explains 83 % of the drop: 49 → 20 sessions."]),
    ],
    ids=["96 to 57 sessions: both platforms lost", "79 to 44 sessions: ios lost"],
)
def test_what_explains_that_the_rows_have_fewer_sessions_than_the_day_before(
    day: date, expected: list[str]
) -> None:
    """Every value of the rows, by the same rules in plain arithmetic."""
    period = day_of(day)
    before = baseline_of(period, BaselineRule())
    total = measured(Metric.SESSIONS, period.start, period.end)
    total_before = measured(Metric.SESSIONS, before.start, before.end)
    found = causes(
        Metric.SESSIONS,
        known_of_the_rows(before, period),
        period,
        before,
        totals=(total, total_before),
        words=WORDS,
    )
    by_hand = []
    for column in ("platform", "country"):
        now = sessions_by(column, period.start, period.end)
        then = sessions_by(column, before.start, before.end)
        assert (sum(then.values()), sum(now.values())) == (total_before, total)
        for value in sorted(now.keys() | then.keys()):
            was, lost = then.get(value, 0), then.get(value, 0) - now.get(value, 0)
            part = 100 * lost / (total_before - total)
            enough = was >= 30 and part >= 20 and lost >= 3 * math.sqrt(2 * was - lost)
            rest_lost = (total_before - total - lost) / (total_before - was)
            if enough and rest_lost < lost / was / 2:
                by_hand.append((value, was, was - lost, round(part, 6)))
    assert [(one.value, one.before, one.now, round(one.share or 0, 6)) for one in found] == by_hand
    assert said(found) == expected
