"""Alerts as `digest serve` lives with them: looked at in time, told once, remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.app import open_config
from digest.app.backtest import backtest
from tests.support.alerting import CHANNEL, OPS, SPIKE, Watchers, at, day, silent


def test_a_spike_of_a_day_is_told_once_and_so_is_its_end(watchers: Watchers) -> None:
    watchers.configure({"spike": SPIKE})
    watchers.numbers.bounce = {day(5): 70.0}

    with watchers.works.daemon(at(4, 8)) as daemon:
        daemon.until(at(8, 12))

    assert watchers.told() == [
        ("spike", "firing-2026-03-05"),
        ("spike", "resolved-2026-03-06"),
    ]
    fired, over = watchers.mails()
    assert "bounce rate above 60" in str(fired["Subject"])
    body = fired.get_body(("plain",))
    assert body is not None
    assert "70.0" in body.get_content()
    assert fired["Message-ID"] in str(over["In-Reply-To"])
    assert watchers.state("spike") == "ok"


def test_a_closed_day_is_judged_once_however_often_the_schedule_looks(watchers: Watchers) -> None:
    often = SPIKE | {"schedule": {"at": "every 15m", "timezone": "UTC"}}
    watchers.configure({"spike": often})
    watchers.numbers.bounce = {day(5): 70.0}

    with watchers.works.daemon(at(6)) as daemon:
        daemon.until(at(6, 12))

    assert watchers.told() == [("spike", "firing-2026-03-05")]
    (looks,) = watchers.works.rows("SELECT looks FROM alert_days WHERE day = '2026-03-05'")
    assert looks == (1,)
    asked = [one for one in watchers.works.phase.asked if one.at]
    assert len(asked) <= 12, "days that were judged are not fetched again"


def test_a_restart_in_between_changes_nothing(watchers: Watchers) -> None:
    watchers.configure({"spike": SPIKE | {"for": 2}})
    watchers.numbers.bounce = {day(5): 70.0, day(6): 71.0, day(7): 72.0}

    for begin, end in ((at(5), at(6, 12)), (at(6, 12), at(7, 8)), (at(7, 8), at(9, 12))):
        with watchers.works.daemon(begin) as daemon:
            daemon.until(end)

    assert watchers.told() == [
        ("spike", "firing-2026-03-06"),
        ("spike", "resolved-2026-03-08"),
    ]


def test_days_that_were_missed_are_judged_one_by_one_after_a_stop(watchers: Watchers) -> None:
    watchers.configure({"spike": SPIKE})
    watchers.numbers.bounce = {day(5): 70.0}
    with watchers.works.daemon(at(3, 8)) as daemon:
        daemon.until(at(4, 12))

    with watchers.works.daemon(at(9, 12)) as daemon:
        daemon.until(at(9, 13))

    assert watchers.told() == [
        ("spike", "firing-2026-03-05"),
        ("spike", "resolved-2026-03-06"),
    ]


def test_a_failing_api_changes_no_state_and_the_operator_hears_of_it(watchers: Watchers) -> None:
    watchers.configure({"spike": SPIKE}, ops=OPS)
    watchers.numbers.bounce = {day(5): 70.0}
    with watchers.works.daemon(at(6, 8)) as daemon:
        daemon.until(at(6, 10))
        assert watchers.state("spike") == "firing"
        watchers.numbers.down = True
        daemon.until(at(8, 8))
        assert watchers.state("spike") == "firing"
        assert any("spike" in text for text in watchers.works.notices())
        watchers.numbers.down = False
        daemon.until(at(8, 12))

    assert watchers.told()[-1] == ("spike", "resolved-2026-03-06")


def test_a_day_without_sessions_fires_no_rate_but_a_rule_about_no_data(
    watchers: Watchers,
) -> None:
    missing = {"schedule": SPIKE["schedule"], "window": "day", "when": "no_data"}
    watchers.configure({"spike": SPIKE, "silent": missing})
    watchers.numbers.sessions = {day(5): 0}
    watchers.numbers.bounce = {day(5): 0}

    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.until(at(6, 12))
        assert watchers.state("spike") == "no_data"

    assert watchers.told() == [("silent", "firing-2026-03-05")]


def test_what_fires_together_is_one_message_and_each_ends_by_itself(watchers: Watchers) -> None:
    lower = SPIKE | {"when": {"above": 40}, "clear": {"below": 30}}
    watchers.configure({"high": SPIKE, "low": lower}, **watchers.with_slack())
    watchers.numbers.bounce = {day(5): 70.0, day(6): 45.0}

    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.until(at(9, 12))

    jobs = [(job, period.rsplit("-", 1)[0]) for job, period in watchers.told()]
    assert jobs[0] == ("alerts", "firing-2026-03-05")
    assert [job for job, _ in watchers.told()[1:]] == ["high", "low"]


def test_a_silence_holds_back_and_the_rest_is_told_when_it_ends(watchers: Watchers) -> None:
    path = watchers.configure({"spike": SPIKE})
    watchers.numbers.bounce = {day(5): 70.0, day(6): 71.0}
    with watchers.works.daemon(at(5, 8)) as daemon:
        store = daemon.daemon.loop.store
        store.alerts.silence("spike", at(6, 20), "ana", "release", at(5, 8))
        daemon.until(at(6, 12))
        assert watchers.state("spike") == "firing"
        assert watchers.told() == []
        daemon.until(at(7, 12))

    assert path.exists()
    assert watchers.told() == [("spike", "firing-2026-03-06")]


def test_what_fires_in_quiet_hours_is_told_in_the_morning(watchers: Watchers) -> None:
    night = {"schedule": {"at": "every day 03:00", "timezone": "UTC"}, "quiet_hours": "22:00-07:00"}
    watchers.configure({"spike": SPIKE | night})
    watchers.numbers.bounce = {day(5): 70.0}
    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.until(at(6, 6, 59))
        assert watchers.told() == []
        daemon.until(at(6, 7, 1))
        assert watchers.told() == [("spike", "firing-2026-03-05")]
        daemon.until(at(7, 8))

    assert watchers.told()[1:] == [("spike", "resolved-2026-03-06")]


def test_an_alert_that_the_config_has_no_more_fires_no_more(watchers: Watchers) -> None:
    watchers.configure({"spike": SPIKE, "other": SPIKE | {"when": {"above": 90}, "clear": None}})
    watchers.numbers.bounce = dict.fromkeys(map(day, range(5, 20)), 70.0)
    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.until(at(6, 12))
        watchers.configure({"other": SPIKE | {"when": {"above": 90}, "clear": None}})
        daemon.reload()
        daemon.until(at(8, 12))

    assert watchers.told() == [("spike", "firing-2026-03-05")]
    assert watchers.works.rows("SELECT ended_at IS NULL FROM alert_episodes") == [(0,)]


def test_the_cap_holds_back_and_says_so_once_an_hour(watchers: Watchers) -> None:
    many = {f"spike-{n}": SPIKE | {"group": False} for n in range(5)}
    watchers.configure(many, alerting={"most_per_hour": 3})
    watchers.numbers.bounce = dict.fromkeys(map(day, range(5, 12)), 70.0)
    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.until(at(6, 9, 30))

    told = watchers.told()
    assert [period.partition("-")[0] for _, period in told].count("firing") == 3
    assert [job for job, period in told if period.startswith("held-")] == ["alerts"]


@pytest.mark.parametrize("slack", [True])
def test_in_slack_the_message_itself_is_edited_when_it_is_over(
    watchers: Watchers, *, slack: bool
) -> None:
    assert slack
    watchers.configure({"spike": SPIKE | {"to": {"slack": [CHANNEL]}}}, **watchers.with_slack())
    watchers.numbers.bounce = {day(5): 70.0}

    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.until(at(6, 12))
        (fired,) = watchers.slack.posts
        before = fired.text
        daemon.until(at(7, 12))

    first, *replies = watchers.slack.posts
    assert first.ts == fired.ts
    assert first.text != before
    assert all(reply.thread_ts == first.ts for reply in replies)


def test_the_monday_mail_tells_what_fired(watchers: Watchers) -> None:
    watchers.works.configure(
        {"monday": {"period": "week", "schedule": {"at": "mon 08:00", "timezone": "UTC"}}},
        alerts={"spike": {"app": "shop", "to": {"mail": ["oncall@example.com"]}, **SPIKE}},
    )
    watchers.numbers.bounce = {day(5): 70.0}

    with watchers.works.daemon(at(2, 10)) as daemon:
        daemon.until(at(9, 12))

    (digest,) = [one for one in watchers.works.arrivals() if one.job == "monday"]
    assert "Alerts" in digest.text
    assert "Bounce rate (fired): Fired once (above 60" in digest.text


def test_the_back_test_says_what_the_daemon_said(watchers: Watchers) -> None:
    lower = SPIKE | {"when": {"above": 40}, "clear": {"below": 30}, "for": 2}
    path = watchers.configure(
        {
            "high": SPIKE | {"repeat": "1d"},
            "low": lower,
            "silent": {"schedule": SPIKE["schedule"], "window": "day", "when": "no_data"},
            "jump": SPIKE
            | {"metric": "sessions", "when": {"rises_by": "50%"}, "clear": None, "cooldown": "3d"},
        }
    )
    start, end = at(1, 12), datetime(2026, 5, 30, 12, tzinfo=UTC)
    days = [start.date() + timedelta(days=n) for n in range((end - start).days)]
    watchers.numbers.bounce = {
        one: 20.0 + (45 * (n % 11 in {0, 1}) + 25 * (n % 7 == 3)) for n, one in enumerate(days)
    }
    watchers.numbers.sessions = {
        one: (0 if n % 29 == 10 else 100 + 90 * (n % 5 == 4)) for n, one in enumerate(days)
    }
    with watchers.works.daemon(start) as daemon:
        daemon.until(end)

    replay = backtest(open_config(path, {}), [], (end - start).days + 1, end, silent)

    assert watchers.told() == [(sent.message.job, sent.message.period) for sent in replay.sent]
    assert len(replay.sent) > 20
