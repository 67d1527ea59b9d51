from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from digest import report
from digest.core.deltas import DeltaKind
from digest.core.metrics import CATALOGUE, PLAIN_METRICS, Dimension, Metric
from digest.core.periods import BaselineKind, BaselineRule, PeriodKind, parse_period
from digest.core.report_model import Movement, Tone
from digest.errors import PeriodNotOverError, PhaseError, PhaseUnavailableError
from digest.phase.models import NotOfferedError
from tests.support.report_parts import MONDAY, World, made, spec

if TYPE_CHECKING:
    from digest.core.report_model import Breakdown, Headline, Report

TUESDAY, SUNDAY = date(2026, 11, 17), date(2026, 11, 22)
LAST_TUESDAY = date(2026, 11, 10)


def headline(found: Report, metric: Metric) -> Headline:
    one = found.headline(metric)
    assert one is not None
    return one


def breakdown(found: Report, dimension: Dimension) -> Breakdown:
    one = found.breakdown(dimension)
    assert one is not None
    return one


def texts(found: Report, tone: Tone) -> list[str]:
    return [note.text for note in found.notes if note.tone is tone]


def test_a_plain_week_has_every_number_with_its_baseline() -> None:
    found = made(World())
    assert [h.metric for h in found.headlines] == list(PLAIN_METRICS)
    values = {h.metric: (h.comparison.value, h.comparison.baseline) for h in found.headlines}
    assert values == {
        Metric.SESSIONS: (700, 700),
        Metric.BOUNCE_RATE: (30, 30),
        Metric.SESSION_DURATION: (120, 120),
        Metric.ACTIVE_USERS: (80, 80),
        Metric.NEW_USERS: (280, 280),
        Metric.TOTAL_USERS: (5000, 5000),
        Metric.EVENTS: (6300, 6300),
    }
    assert {h.comparison.delta.kind for h in found.headlines} == {DeltaKind.NO_CHANGE}
    assert texts(found, Tone.WARNING) == texts(found, Tone.INFO) == []
    assert (found.partial, found.quiet, found.requests) == (False, False, 14)
    assert (found.title, found.generated_at) == ("Acme Shop: weekly digest", MONDAY)
    assert all(h.note is None for h in found.headlines)


def test_rates_are_weighted_by_the_days_sessions_and_zero_days_are_gaps_in_charts() -> None:
    world = World(
        days={
            ("sessionCount", SUNDAY): 0,
            ("bounceRate", SUNDAY): 0,
            ("sessionCount", TUESDAY): 1000,
            ("bounceRate", TUESDAY): 60.0,
        }
    )
    found = made(world)
    bounce = headline(found, Metric.BOUNCE_RATE)
    assert bounce.comparison.value == pytest.approx((1000 * 60 + 500 * 30) / 1500)
    assert bounce.daily.values == (30, 60, 30, 30, 30, 30, None)
    assert bounce.comparison.delta.common_days is None
    assert headline(found, Metric.SESSIONS).daily.values[-1] == 0
    assert texts(found, Tone.INFO) == [
        "No sessions on Sun, Nov 22, so bounce rate and session duration leave that out."
    ]


def test_the_baselines_days_stand_beside_the_periods() -> None:
    found = made(World(days={("sessionCount", LAST_TUESDAY): 40}))
    sessions = headline(found, Metric.SESSIONS)
    assert sessions.baseline_daily is not None
    assert sessions.baseline_daily.days[0] == date(2026, 11, 9)
    assert sessions.baseline_daily.values == (100, 40, 100, 100, 100, 100, 100)


def test_a_trailing_baseline_is_the_mean_of_its_periods() -> None:
    world = World(days={("sessionCount", LAST_TUESDAY): 500})
    found = made(world, digest=spec(baseline=BaselineRule(BaselineKind.TRAILING, 4)))
    sessions = headline(found, Metric.SESSIONS)
    assert sessions.comparison.baseline == 800
    assert sessions.baseline_daily is not None
    assert sessions.baseline_daily.values == (100, 200, 100, 100, 100, 100, 100)
    listed = breakdown(found, Dimension.SESSIONS_COUNTRY).rows[0]
    assert (listed.count, listed.baseline) == (400, 100)
    assert "Compared with the mean of the 4 weeks before (2026-W43..2026-W46)." in texts(
        found, Tone.DEFINITION
    )


def test_a_days_digest_carries_the_fortnight_that_leads_up_to_it() -> None:
    found = made(World(days={("sessionCount", TUESDAY): 7}), "2026-11-22")
    sessions = headline(found, Metric.SESSIONS)
    assert sessions.recent is not None
    assert sessions.recent.days[0] == date(2026, 11, 9)
    assert sessions.recent.days[-1] == SUNDAY
    assert sessions.recent.values[8] == 7
    assert sessions.daily.values == (100,)
    assert found.requests == 14


def test_the_mean_of_one_day_is_called_by_its_plain_name() -> None:
    users = headline(made(World(), "2026-11-22"), Metric.ACTIVE_USERS)
    assert users.info.title == "Active users"
    assert users.info.definition.endswith("on this day.")
    assert CATALOGUE[Metric.ACTIVE_USERS].title == "Average daily active users"


def test_longer_periods_carry_no_recent_days() -> None:
    assert all(h.recent is None for h in made(World()).headlines)


def test_a_missing_day_is_named_and_left_out_of_the_comparison() -> None:
    world = World(days={("sessionCount", TUESDAY): None, ("sessionCount", LAST_TUESDAY): 900})
    found = made(world)
    sessions = headline(found, Metric.SESSIONS)
    assert sessions.comparison.value == 600
    assert sessions.comparison.compared == (600, 600)
    assert sessions.comparison.delta.common_days == 6
    assert sessions.daily.values[1] is None
    assert texts(found, Tone.INFO) == [
        (
            "Sessions, Bounce rate, Session duration: no value for Tue, Nov 17; only days that have"
            " one on both sides are compared."
        )
    ]


def test_a_missing_day_takes_the_total_from_a_cut_list() -> None:
    long = tuple((f"C{n:02}", 5) for n in range(50))
    world = World(
        days={("sessionCount", TUESDAY): None},
        lists={(Dimension.SESSIONS_COUNTRY, date(2026, 11, 16)): long},
    )
    found = breakdown(made(world), Dimension.SESSIONS_COUNTRY)
    assert found.total is None
    assert all(row.share is None for row in found.rows)
    assert found.note == "No shares, because the true total is not known."


def test_the_last_days_level_is_missed_and_an_earlier_one_is_not() -> None:
    found = made(World(days={("totalUsers", TUESDAY): None}))
    assert headline(found, Metric.TOTAL_USERS).comparison.value == 5000
    assert texts(found, Tone.INFO) == []
    found = made(World(days={("totalUsers", SUNDAY): None}))
    total = headline(found, Metric.TOTAL_USERS)
    assert (total.comparison.value, total.comparison.delta.kind) == (None, DeltaKind.NO_DATA)
    assert total.note == "Phase has no value for the last day, 2026-11-22."
    assert texts(found, Tone.INFO)[0].startswith("Total users: no value for Sun, Nov 22;")


def test_an_all_zero_week_is_no_data_and_never_minus_a_hundred_percent() -> None:
    zero = {
        (metric, date(2026, 11, 16) + timedelta(days=n)): 0.0
        for metric in (
            *("sessionCount", "bounceRate", "avgSessionDuration", "activeUsers"),
            *("newUsers", "eventCount"),
        )
        for n in range(7)
    }
    lists: dict[tuple[Dimension, date | None], tuple[tuple[str, int], ...]] = {
        (dimension, date(2026, 11, 16)): ()
        for dimension in (
            *(Dimension.EVENTS_EVENT_NAME, Dimension.EVENTS_SCREEN_NAME),
            Dimension.SESSIONS_COUNTRY,
        )
    }
    found = made(World(days=dict(zero), lists=lists))
    assert found.quiet
    kinds = {h.metric: h.comparison.delta.kind for h in found.headlines}
    assert set(kinds.values()) == {DeltaKind.NO_DATA, DeltaKind.NO_CHANGE}
    assert [m for m, kind in kinds.items() if kind is DeltaKind.NO_CHANGE] == [Metric.TOTAL_USERS]
    assert all(h.comparison.delta.percent in {None, 0.0} for h in found.headlines)
    assert texts(found, Tone.WARNING) == [
        (
            "No data: Phase counted nothing in Nov 16\u2009–\u200922, 2026. If the app was in use,"
            " check that it still sends its events."
        )
    ]
    assert found.verdict == (
        "No data: nothing was counted in this period, against 700 sessions in the week before."
    )
    country = breakdown(found, Dimension.SESSIONS_COUNTRY)
    assert (country.rows, country.movers, country.note) == ((), (), "Nothing was counted.")
    assert headline(found, Metric.SESSIONS).note == (
        "Nothing but zeros, which is taken for missing data and not compared."
    )
    assert headline(found, Metric.BOUNCE_RATE).note == (
        "There were no sessions, so there is nothing to take an average of."
    )


def test_an_app_that_never_had_anything_has_no_data_and_no_change() -> None:
    world = World(every=dict.fromkeys(("sessionCount", "activeUsers", "newUsers", "eventCount"), 0))
    found = made(world)
    assert found.quiet
    sessions = headline(found, Metric.SESSIONS).comparison
    assert (sessions.value, sessions.delta.kind) == (0, DeltaKind.NO_CHANGE)
    assert found.verdict == "No data: nothing was counted in this period."


def test_from_nothing_is_new_and_says_so() -> None:
    days: dict[tuple[str, date], float | None] = {
        ("newUsers", date(2026, 11, 9) + timedelta(days=n)): 0 for n in range(7)
    }
    found = made(World(days=days))
    users = headline(found, Metric.NEW_USERS)
    assert (users.comparison.delta.kind, users.comparison.delta.percent) == (DeltaKind.NEW, None)
    assert users.note == "There were none before, so there is no percent."
    assert texts(found, Tone.INFO) == [
        "New users: none in the week before, so there is no percent."
    ]


def test_small_samples_are_named() -> None:
    found = made(World(days={("sessionCount", SUNDAY): 14}), "2026-11-22")
    assert texts(found, Tone.INFO) == [
        "Small numbers: only 14 sessions on one side, so a change of sessions says little."
    ]


def test_months_of_different_lengths_are_said_to_be() -> None:
    found = made(World(), "2026-10")
    assert texts(found, Tone.INFO) == [
        "October 2026 has 31 days, September 2026 has 30: sums are compared as they are."
    ]
    assert texts(made(World(), "2026-08"), Tone.INFO) == []


def test_what_the_api_could_not_give_is_named_in_a_banner() -> None:
    error = PhaseUnavailableError("down", report="events", status=500)
    found = made(World(fails=lambda asked: error if asked.startswith("events/") else None))
    assert texts(found, Tone.WARNING) == [
        (
            "Phase could not give everything (events/timeseries, events/breakdown). Left out:"
            " Events, Top events, Top screens."
        )
    ]
    events = headline(found, Metric.EVENTS)
    assert (events.comparison.value, events.comparison.delta.kind) == (None, DeltaKind.NO_DATA)
    assert events.note == "Phase could not give this number."
    assert events.daily.is_empty
    assert len(events.daily.days) == 7
    assert events.baseline_daily is None
    lost = breakdown(found, Dimension.EVENTS_EVENT_NAME)
    assert (lost.rows, lost.unavailable) == ((), "Phase could not give this list.")
    assert breakdown(found, Dimension.SESSIONS_COUNTRY).unavailable is None


def test_a_list_without_its_baseline_is_shown_uncompared() -> None:
    world = World()
    world.fails = lambda asked: (
        PhaseError("odd", report="sessions/breakdown")
        if asked == "sessions/breakdown country" and world.asked.count(asked) == 2
        else None
    )
    found = breakdown(made(world), Dimension.SESSIONS_COUNTRY)
    assert found.note == "There is no list to compare with."
    assert {row.movement for row in found.rows} == {Movement.UNKNOWN}
    assert found.movers == ()


def test_a_lost_year_before_is_named_as_a_lost_baseline() -> None:
    world = World()
    world.fails = lambda asked: (
        PhaseError("odd", report="sessions/timeseries")
        if "sessionCount" in asked and world.asked.count(asked) == 2
        else None
    )
    found = made(world, digest=spec(baseline=BaselineRule(BaselineKind.YEAR), breakdowns=()))
    sessions = headline(found, Metric.SESSIONS)
    assert (sessions.comparison.value, sessions.comparison.baseline) == (700, None)
    assert sessions.comparison.delta.kind is DeltaKind.NO_BASELINE
    assert "the baseline of Sessions" in texts(found, Tone.WARNING)[0]
    assert headline(found, Metric.EVENTS).comparison.baseline == 6300


def test_a_list_that_is_not_offered_is_left_out_with_a_remark() -> None:
    error = NotOfferedError("no cities", report="sessions/breakdown", status=422)
    digest = spec(
        breakdowns=(Dimension.SESSIONS_CITY, Dimension.USERS_CITY, Dimension.USERS_PLATFORM)
    )
    found = made(World(fails=lambda asked: error if "city" in asked else None), digest=digest)
    assert [b.dimension for b in found.breakdowns] == [Dimension.USERS_PLATFORM]
    assert texts(found, Tone.WARNING) == []
    assert texts(found, Tone.INFO) == [
        "Sessions by city is left out: this Phase server does not offer it.",
        "All users by city is left out: this Phase server does not offer it.",
    ]


def test_sessions_have_shares_and_a_rest_and_events_have_neither() -> None:
    found = made(World(lists={(Dimension.SESSIONS_COUNTRY, date(2026, 11, 9)): (("DE", 500),)}))
    country = breakdown(found, Dimension.SESSIONS_COUNTRY)
    assert country.total == 700
    assert [row.value for row in country.rows] == ["DE", "FR"]
    assert [row.share for row in country.rows] == pytest.approx([400 / 7, 300 / 7])
    assert [(row.value, row.movement) for row in country.movers] == [
        ("FR", Movement.NEW),
        ("DE", Movement.FELL),
    ]
    events = breakdown(found, Dimension.EVENTS_EVENT_NAME)
    assert events.total is None
    assert {row.share for row in events.rows} == {None}


def test_users_are_counted_over_all_time_and_not_compared() -> None:
    platform = breakdown(made(World()), Dimension.USERS_PLATFORM)
    assert [(row.value, row.count, row.baseline, row.share) for row in platform.rows] == [
        ("ios", 3000, None, 60),
        ("android", 2000, None, 40),
    ]
    assert platform.note is not None
    assert "all time" in platform.note
    assert platform.movers == ()


def test_a_cut_users_list_takes_its_total_from_todays_level() -> None:
    long = tuple((f"C{n:02}", 90) for n in range(50))
    world = World(
        days={("totalUsers", MONDAY.date()): 5100},
        lists={(Dimension.USERS_COUNTRY, None): long},
    )
    country = breakdown(
        made(world, digest=spec(breakdowns=(Dimension.USERS_COUNTRY,))), Dimension.USERS_COUNTRY
    )
    assert country.total == 5100
    assert country.rows[-1].count == 5100 - 900
    assert headline(made(world), Metric.TOTAL_USERS).comparison.value == 5000


def test_a_period_that_is_not_over_is_marked_and_not_compared() -> None:
    wednesday = datetime(2026, 11, 25, 9, tzinfo=UTC)
    found = made(World(now=wednesday), "2026-W48", now=wednesday, partial_ok=True)
    assert found.partial
    assert not found.quiet
    sessions = headline(found, Metric.SESSIONS)
    assert (sessions.comparison.value, sessions.comparison.delta.kind) == (300, DeltaKind.PARTIAL)
    assert sessions.daily.values == (100, 100, 100, None, None, None, None)
    assert headline(found, Metric.TOTAL_USERS).comparison.value == 5000
    assert texts(found, Tone.WARNING) == [
        (
            "This week is not over: these are its numbers up to 2026-11-25 09:00 UTC, and they are"
            " not compared."
        )
    ]
    assert texts(found, Tone.INFO) == []
    assert found.verdict.startswith("Sessions so far: 300;")
    assert {row.movement for row in breakdown(found, Dimension.SESSIONS_COUNTRY).rows} == {
        Movement.UNKNOWN
    }


def test_a_period_that_has_just_ended_is_marked_as_not_settled() -> None:
    one_o_clock = datetime(2026, 11, 23, 1, tzinfo=UTC)
    found = made(World(now=one_o_clock), now=one_o_clock, partial_ok=True)
    assert found.partial
    assert texts(found, Tone.WARNING)[0].startswith("This week had only just ended")
    assert breakdown(found, Dimension.SESSIONS_COUNTRY).movers == ()


def test_answers_from_before_the_end_are_refused_where_partial_is_not_allowed() -> None:
    one_o_clock = datetime(2026, 11, 23, 1, tzinfo=UTC)
    period = report.plan(spec(), parse_period("2026-W47"), MONDAY)
    early = report.plan(spec(), parse_period("2026-W47"), one_o_clock, partial_ok=True)
    fetched = report.fetch(early, World(now=one_o_clock), lambda *_: None)
    with pytest.raises(PeriodNotOverError):
        report.assemble(period, fetched)


def test_the_days_of_a_derived_metric_are_ratios() -> None:
    found = made(
        World(days={("eventCount", TUESDAY): 1200}),
        digest=spec(metrics=(Metric.EVENTS_PER_SESSION,), breakdowns=()),
    )
    ratio = headline(found, Metric.EVENTS_PER_SESSION)
    assert ratio.comparison.value == pytest.approx((6 * 900 + 1200) / 700)
    assert ratio.daily.values[:2] == (9, 12)
    assert found.requests == 2


def test_a_monthly_digest_and_its_default_title() -> None:
    found = made(World(), "2026-10", spec(PeriodKind.MONTH, title=""))
    assert found.title == "Acme Shop: monthly digest"
    assert headline(found, Metric.SESSIONS).comparison.value == 3100


def test_zeros_in_a_period_that_is_not_over_are_no_alarm() -> None:
    early = datetime(2026, 11, 23, 0, 10, tzinfo=UTC)
    none_yet = dict.fromkeys(("sessionCount", "activeUsers", "newUsers", "eventCount"), 0)
    found = made(World(now=early, every=none_yet), "2026-W48", now=early, partial_ok=True)
    assert not found.quiet
    assert len(texts(found, Tone.WARNING)) == 1
    assert found.verdict.startswith("Sessions so far: 0;")


def test_a_complete_users_list_is_its_own_total() -> None:
    world = World(lists={(Dimension.USERS_PLATFORM, None): (("ios", 3000), ("android", 1000))})
    platform = breakdown(made(world), Dimension.USERS_PLATFORM)
    assert platform.total == 4000
    assert [row.share for row in platform.rows] == [75, 25]
