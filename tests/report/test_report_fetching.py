from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from digest import report
from digest.core.metrics import Dimension, Metric
from digest.core.periods import BaselineKind, BaselineRule, parse_period
from digest.errors import ExitCode, PeriodNotOverError, PhaseError, PhaseUnavailableError
from digest.phase.models import NotOfferedError
from digest.report import Side
from tests.support.report_parts import MONDAY, World, silent, spec

if TYPE_CHECKING:
    from collections.abc import Callable

    Fails = Callable[[str], PhaseError | None]

W47 = parse_period("2026-W47")


def fetch(world: World, digest: report.DigestSpec | None = None) -> report.Fetched:
    return report.fetch(report.plan(digest or spec(), W47, MONDAY), world, silent)


def refused(status: int | None) -> PhaseError:
    return PhaseError("Phase refused", report="some/report", status=status)


def down(status: int | None) -> PhaseUnavailableError:
    return PhaseUnavailableError("Phase is down", report="some/report", status=status)


def failing(error: PhaseError, *parts: str) -> Fails:
    """Fails every question in which one of the parts occurs."""
    return lambda asked: error if any(part in asked for part in parts) else None


def test_every_question_of_the_plan_is_asked_once_and_in_order() -> None:
    world = World()
    found = fetch(world)
    assert len(world.asked) == found.requests == len(found.asked) == 14
    assert world.asked[:3] == [
        "sessions/timeseries sessionCount",
        "sessions/timeseries bounceRate",
        "sessions/timeseries avgSessionDuration",
    ]
    assert found.gaps == ()


def test_only_the_requests_of_this_digest_are_counted() -> None:
    world = World()
    world.asked = ["an earlier digest"] * 5
    assert fetch(world).requests == 14


def test_progress_is_told_before_each_question() -> None:
    told: list[tuple[str, int, int]] = []
    world = World()
    plan = report.plan(spec(), W47, MONDAY)
    report.fetch(plan, world, lambda *step: told.append(step))
    assert [what for what, _, _ in told] == world.asked
    assert [(number, of) for _, number, of in told] == [(n, 14) for n in range(1, 15)]


def test_every_answer_can_be_traced_to_its_question() -> None:
    asked = fetch(World()).asked
    assert (asked[0].report, asked[0].what) == ("sessions/timeseries", "sessionCount")
    assert (asked[0].start, asked[0].end) == (date(2026, 11, 9), date(2026, 11, 23))
    assert (asked[-1].report, asked[-1].start) == ("users/breakdown", None)
    assert all(one.generated_at == MONDAY and one.failed is None for one in asked)


def test_a_list_knows_whether_it_is_complete_and_how_many_periods_it_covers() -> None:
    long = tuple((f"event{n}", 100 - n) for n in range(10))
    world = World(lists={(Dimension.EVENTS_EVENT_NAME, date(2026, 11, 16)): long})
    digest = spec(baseline=BaselineRule(BaselineKind.TRAILING, 4))
    lists = fetch(world, digest).lists
    assert not lists[Dimension.EVENTS_EVENT_NAME, Side.PERIOD].complete
    assert lists[Dimension.EVENTS_EVENT_NAME, Side.BASELINE].complete
    assert lists[Dimension.EVENTS_EVENT_NAME, Side.BASELINE].periods == 4


def test_the_event_store_may_be_down_while_the_rest_goes_out() -> None:
    world = World(fails=failing(down(500), "events/"))
    found = fetch(world)
    assert {gap.call.report for gap in found.gaps} == {"events/timeseries", "events/breakdown"}
    assert len(found.gaps) == 5
    assert Metric.EVENTS not in found.values
    assert Metric.SESSIONS in found.values
    assert (Dimension.SESSIONS_COUNTRY, Side.PERIOD) in found.lists


def test_a_report_that_is_down_is_not_asked_again() -> None:
    world = World(fails=failing(down(503), "events/"))
    fetch(world)
    assert [asked for asked in world.asked if asked.startswith("events/")] == [
        "events/timeseries eventCount",
        "events/breakdown eventName",
    ]


def test_one_bad_answer_leaves_the_others_of_its_report() -> None:
    world = World(fails=failing(refused(None), "users/timeseries newUsers"))
    found = fetch(world)
    assert [gap.call.what for gap in found.gaps] == ["newUsers"]
    assert Metric.TOTAL_USERS in found.values
    assert [one.failed for one in found.asked if one.what == "newUsers"] == ["Phase refused"]


@pytest.mark.parametrize(
    ("error", "asked", "code"),
    [
        pytest.param(down(None), 1, ExitCode.PUT_OFF, id="not reached"),
        pytest.param(down(429), 1, ExitCode.PUT_OFF, id="asked to wait"),
        pytest.param(refused(401), 1, ExitCode.FAILED, id="key refused"),
        pytest.param(refused(403), 1, ExitCode.FAILED, id="key refused as forbidden"),
        pytest.param(down(500), 1, ExitCode.PUT_OFF, id="everything answers 500"),
        pytest.param(refused(404), 1, ExitCode.FAILED, id="not a Phase API"),
        pytest.param(refused(None), 1, ExitCode.FAILED, id="everything is nonsense"),
    ],
)
def test_when_nothing_works_asking_ends_at_once_with_the_clients_error(
    error: PhaseError, asked: int, code: ExitCode
) -> None:
    world = World(fails=lambda _: error)
    with pytest.raises(PhaseError) as caught:
        fetch(world)
    assert caught.value is error
    assert caught.value.exit_code is code
    assert len(world.asked) == asked


def test_a_server_lost_halfway_puts_the_digest_off() -> None:
    world = World(fails=failing(down(None), "users/timeseries totalUsers"))
    with pytest.raises(PhaseUnavailableError):
        fetch(world)
    assert world.asked[-1] == "users/timeseries totalUsers"


def test_without_any_session_metric_the_digest_does_not_go_out() -> None:
    world = World(fails=failing(refused(None), "sessionCount"))
    with pytest.raises(PhaseError, match="Phase refused"):
        fetch(world)
    assert world.asked == ["sessions/timeseries sessionCount"]


def test_sessions_alone_are_enough() -> None:
    found = fetch(
        World(fails=failing(refused(None), "bounceRate", "avgSession", "users", "events"))
    )
    assert set(found.values) == {Metric.SESSIONS}


def test_a_digest_without_session_metrics_is_led_by_what_it_shows() -> None:
    digest = spec(metrics=(Metric.EVENTS, Metric.NEW_USERS), breakdowns=())
    found = fetch(World(fails=failing(refused(None), "events/")), digest)
    assert set(found.values) == {Metric.NEW_USERS}
    with pytest.raises(PhaseError, match="Phase refused"):
        fetch(World(fails=failing(refused(None), "events/", "newUsers")), digest)


def test_of_several_errors_the_one_that_can_pass_is_raised() -> None:
    def fails(asked: str) -> PhaseError | None:
        return refused(None) if "events/" in asked else down(500) if "newUsers" in asked else None

    digest = spec(metrics=(Metric.EVENTS, Metric.NEW_USERS), breakdowns=())
    with pytest.raises(PhaseUnavailableError):
        fetch(World(fails=fails), digest)


def test_a_digest_of_lists_alone_needs_one_of_them() -> None:
    digest = spec(metrics=(), breakdowns=(Dimension.EVENTS_EVENT_NAME, Dimension.USERS_PLATFORM))
    found = fetch(World(fails=failing(refused(400), "events/")), digest)
    assert set(found.lists) == {(Dimension.USERS_PLATFORM, Side.ALL_TIME)}
    with pytest.raises(PhaseError, match="Phase refused"):
        fetch(World(fails=lambda _: refused(400)), digest)


def test_answers_without_a_single_day_are_no_digest() -> None:
    world = World(every=dict.fromkeys(("sessionCount", "bounceRate", "avgSessionDuration")))
    with pytest.raises(PhaseError, match="not a single day of 2026-W47"):
        fetch(world)


def test_a_lost_baseline_does_not_keep_the_digest_back() -> None:
    year = date(2025, 11, 17)
    digest = spec(baseline=BaselineRule(BaselineKind.YEAR), breakdowns=())
    world = World()

    def fails(_asked: str) -> PhaseError | None:
        # the second question about a metric is the one about the year before
        return refused(400) if world.asked.count(world.asked[-1]) == 2 else None

    world.fails = fails
    found = fetch(world, digest)
    assert len(found.gaps) == 7
    assert all(year not in days for days in found.values.values())


def test_a_list_that_the_server_does_not_offer_is_a_gap_and_not_asked_for_again() -> None:
    error = NotOfferedError("no cities", report="sessions/breakdown", status=422)
    digest = spec(breakdowns=(Dimension.SESSIONS_CITY, Dimension.SESSIONS_COUNTRY))
    world = World(fails=failing(error, "city"))
    found = fetch(world, digest)
    assert [gap.not_offered for gap in found.gaps] == [True, True]
    assert world.asked.count("sessions/breakdown city") == 1
    assert (Dimension.SESSIONS_COUNTRY, Side.BASELINE) in found.lists


def test_the_servers_clock_decides_whether_the_period_is_over() -> None:
    world = World(now=MONDAY - timedelta(hours=7))
    with pytest.raises(PeriodNotOverError) as caught:
        fetch(world)
    assert caught.value.ready_at == datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert len(world.asked) == 1


def test_the_oldest_and_the_newest_answer_are_told() -> None:
    world = World()

    def ticks(_asked: str) -> PhaseError | None:
        world.now += timedelta(seconds=1)
        return None

    world.fails = ticks
    found = fetch(world)
    assert found.oldest == MONDAY + timedelta(seconds=1)
    assert found.newest == MONDAY + timedelta(seconds=14)


def test_what_is_left_out_is_logged_once_for_the_operator(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fetch(World(fails=failing(down(500), "events/breakdown")))
    told = [record for record in caplog.records if record.name == "digest.report.fetching"]
    assert len(told) == 1
    assert "events/breakdown" in told[0].__dict__["report"]
    assert told[0].__dict__["job"] == "monday-email"
