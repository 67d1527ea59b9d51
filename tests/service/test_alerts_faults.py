"""Alerts in the daemon when something goes wrong, or changes, while they are looked at."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from werkzeug.wrappers import Response

from digest.app import open_config
from digest.app.backtest import backtest
from digest.errors import StateBusyError, TemplateError
from digest.outbox.stopping import Stop
from digest.service.alert_watch import MOST_AT_ONCE
from digest.service.once import run_due
from digest.service.telling import Telling
from tests.support.alerting import CHANNEL, OPS, SPIKE, Watchers, at, day, silent
from tests.support.daemons import Times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Request

    from digest.app.alert_messages import RendersNotices
    from digest.core.alert_notice import AlertNotice
    from digest.core.alert_round import Judged
    from digest.core.charts_spec import NoChart
    from digest.core.content import Content, Picture

HOURLY = {"at": "every 1h", "timezone": "UTC"}
LOWER = SPIKE | {"when": {"above": 40}, "clear": {"below": 30}}


def test_an_alert_that_is_switched_off_ends_without_a_word_and_hushes_nobody(
    watchers: Watchers,
) -> None:
    other = LOWER | {"hushed_by": ["spike"]}
    watchers.configure({"spike": SPIKE, "other": other})
    watchers.numbers.bounce = dict.fromkeys(map(day, range(5, 20)), 70.0)
    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.until(at(6, 12))
        assert watchers.told() == [("spike", "firing-2026-03-05")]
        watchers.configure({"spike": SPIKE | {"enabled": False}, "other": other})
        daemon.reload()
        daemon.until(at(7, 12))

    assert watchers.told() == [("spike", "firing-2026-03-05"), ("other", "firing-2026-03-06")]
    ended = watchers.works.rows("SELECT ended_at IS NULL FROM alert_episodes WHERE alert = 'spike'")
    assert ended == [(0,)]


def test_when_one_of_two_is_over_the_slack_message_still_says_that_the_other_fires(
    watchers: Watchers,
) -> None:
    to = {"to": {"slack": [CHANNEL]}}
    watchers.configure({"high": SPIKE | to, "low": LOWER | to}, **watchers.with_slack())
    watchers.numbers.bounce = {day(5): 70.0, day(6): 45.0}

    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.until(at(7, 12))
        assert (watchers.state("high"), watchers.state("low")) == ("ok", "firing")
        edited = json.dumps(watchers.slack.posts[0].blocks)
        daemon.until(at(8, 12))

    assert "above 60" in edited
    assert "above 40" in edited
    assert [period for _, period in watchers.told()[1:]] == [
        "resolved-2026-03-06",
        "resolved-2026-03-07",
    ]
    assert "fire" not in watchers.slack.posts[0].text


def test_an_app_that_goes_while_it_is_looked_at_breaks_nothing(watchers: Watchers) -> None:
    watchers.configure({"spike": SPIKE})
    watchers.numbers.bounce = {day(5): 70.0}
    with watchers.works.daemon(at(6, 8)) as simulation:
        daemon = simulation.daemon
        answer = watchers.works.phase.answer_with
        shop = {"app_id": "2", "api_key": "KEY_SHOP", "base_url": watchers.works.phase.base_url}

        def reload_first(request: Request) -> Response | None:
            watchers.configure(
                {"other": SPIKE | {"app": "new", "when": {"above": 65}}}, apps={"new": shop}
            )
            daemon.asked.reload = True
            for _ in range(500):
                if "new" in daemon.config.apps:
                    break
                time.sleep(0.01)
            watchers.works.phase.answer_with = answer
            return answer(request)

        watchers.works.phase.answer_with = reload_first
        simulation.until(at(6, 10))
        assert daemon.broken == ""

    assert ("other", "firing-2026-03-05") in watchers.told()
    spike = watchers.works.rows("SELECT state FROM alert_states WHERE name = 'spike' AND looked_at")
    assert spike == [], "the config has it no more"


def test_a_day_that_has_not_settled_by_the_server_s_clock_holds_no_other_alert_back(
    watchers: Watchers,
) -> None:
    early = SPIKE | {"schedule": {"at": "every day 00:00", "timezone": "UTC"}, "settle": "0s"}
    today = SPIKE | {"schedule": HOURLY, "window": "today"}
    watchers.configure({"early": early, "today": today})
    watchers.numbers.bounce = {day(5): 70.0, day(6): 70.0}
    behind = timedelta(minutes=40)
    works = watchers.works
    works.phase.answer_with = lambda request: watchers.numbers.answer(request, works.now() - behind)

    with works.daemon(at(5, 23, 30)) as daemon:
        daemon.until(at(6, 0, 20))
        assert watchers.told() == [("today", "firing-2026-03-05T23:30Z")]
        (looked,) = works.rows("SELECT looked_at FROM alert_states WHERE name = 'today'")
        assert looked[0] >= at(6).timestamp() * 1e6
        daemon.until(at(6, 1))

    assert ("early", "firing-2026-03-05") in watchers.told()


@pytest.mark.parametrize(
    ("status", "headers", "most"),
    [(401, {}, 5), (429, {"Retry-After": "3600"}, 2), (503, {"Retry-After": "3600"}, 2)],
)
def test_a_server_that_refuses_or_asks_for_time_is_not_asked_at_every_turn_of_the_schedule(
    watchers: Watchers, status: int, headers: dict[str, str], most: int
) -> None:
    often = SPIKE | {"schedule": {"at": "every 1m", "timezone": "UTC"}, "window": "today"}
    watchers.configure({"spike": often}, ops=OPS)
    asked: set[datetime] = set()

    def refuse(_request: Request) -> Response:
        asked.add(watchers.works.now())
        return Response("", status, headers)

    watchers.works.phase.answer_with = refuse
    with watchers.works.daemon(at(6, 8)) as daemon:
        daemon.until(at(6, 9, 50))

    assert 1 <= len(asked) <= most
    if headers:
        assert any("spike" in text for text in watchers.works.notices())


def test_one_alert_that_can_t_be_told_holds_no_other_back(watchers: Watchers) -> None:
    watchers.configure({"bad": SPIKE, "good": LOWER}, ops=OPS)
    watchers.numbers.bounce = {day(5): 70.0}

    with watchers.works.daemon(at(5, 8)) as daemon:
        alerts = daemon.daemon.loop.alerts
        messenger = alerts.rounds.messenger
        broken = _Broken(messenger.renderer, "bad", ArithmeticError())
        alerts.rounds = replace(alerts.rounds, messenger=replace(messenger, renderer=broken))
        daemon.until(at(6, 10, 30))
        assert watchers.told() == [("good", "firing-2026-03-05")]
        assert any("alert bad could not be looked at" in one for one in watchers.works.notices())


@dataclass
class _Broken:
    """Can't render what is about one alert."""

    whole: RendersNotices
    alert: str
    error: Exception

    def notice(
        self,
        notice: AlertNotice,
        pictures: tuple[Picture | NoChart, ...],
        files: Mapping[str, bytes] | None = None,
    ) -> Content:
        if any(item.alert == self.alert for item in notice.items):
            raise self.error
        return self.whole.notice(notice, pictures, files)


def test_an_alert_that_moves_to_another_app_ends_in_its_own_thread(watchers: Watchers) -> None:
    apps = {
        name: {"app_id": name, "api_key": "KEY_SHOP", "base_url": watchers.works.phase.base_url}
        for name in ("shop", "store")
    }
    watchers.configure({"spike": SPIKE}, apps=apps)
    watchers.numbers.bounce = {day(5): 70.0}
    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.until(at(6, 12))
        watchers.configure({"spike": SPIKE | {"app": "store"}}, apps=apps)
        daemon.reload()
        daemon.until(at(7, 12))

    fired, over = watchers.mails()
    assert fired["Message-ID"] in str(over["In-Reply-To"])


def test_the_operator_hears_of_missing_data_also_when_a_crash_came_before_the_word(
    watchers: Watchers,
) -> None:
    watchers.configure({"spike": SPIKE}, ops=OPS)
    watchers.numbers.sessions = dict.fromkeys(map(day, range(4, 9)), 0)
    watchers.numbers.bounce = dict.fromkeys(map(day, range(4, 9)))
    with watchers.works.daemon(at(4, 8)) as daemon:
        daemon.until(at(6, 12))
    assert len(watchers.works.notices()) == 1
    ledger = watchers.works.folder / "state" / "digest.db"
    with closing(sqlite3.connect(ledger)) as database, database:
        database.execute("DELETE FROM troubles")

    with watchers.works.daemon(at(6, 13)) as daemon:
        daemon.until(at(7, 12))

    assert len(watchers.works.notices()) == 2
    assert "nothing to judge by" in watchers.works.notices()[1]


def test_a_template_that_was_put_right_is_no_trouble_any_more(watchers: Watchers) -> None:
    watchers.configure({"spike": SPIKE})
    watchers.numbers.bounce = {day(5): 70.0}

    with watchers.works.daemon(at(5, 8)) as daemon:
        alerts = daemon.daemon.loop.alerts
        messenger = alerts.rounds.messenger
        fails = replace(
            messenger,
            renderer=_Broken(messenger.renderer, "spike", TemplateError("line 1")),
            fallback=messenger.renderer,
        )
        alerts.rounds = replace(alerts.rounds, messenger=fails)
        daemon.until(at(6, 12))
        assert daemon.daemon.loop.watching.kinds["template"] == 1
        alerts.rounds = replace(alerts.rounds, messenger=messenger)
        daemon.until(at(7, 12))
        assert "template" not in daemon.daemon.loop.watching.kinds

    assert len(watchers.told()) == 2


def test_a_message_that_is_in_the_ledger_already_is_not_tried_at_every_instant(
    watchers: Watchers,
) -> None:
    watchers.configure({"spike": SPIKE}, ops=OPS)
    watchers.numbers.bounce = {day(5): 70.0}
    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.until(at(6, 12))
    ledger = watchers.works.folder / "state" / "digest.db"
    with closing(sqlite3.connect(ledger)) as database, database:
        database.execute("DELETE FROM alert_states")
        database.execute("DELETE FROM alert_episodes")
    before = len(watchers.works.phase.asked)

    with watchers.works.daemon(at(6, 12)) as daemon:
        daemon.until(at(6, 13))

    assert len(watchers.works.phase.asked) - before < 50
    assert any("in the ledger already" in text for text in watchers.works.notices())


def test_a_back_test_leaves_out_what_a_late_look_leaves_out(watchers: Watchers) -> None:
    monthly = SPIKE | {"schedule": {"at": "0 9 1 * *", "timezone": "UTC"}}
    path = watchers.configure({"spike": monthly})
    watchers.numbers.bounce = {day(5): 70.0, day(28): 70.0}
    end = datetime(2026, 4, 2, tzinfo=UTC)
    with watchers.works.daemon(at(1, 12)) as daemon:
        daemon.until(end)

    replay = backtest(open_config(path, {}), [], 33, end, silent)

    assert watchers.told() == [
        ("spike", "firing-2026-03-28"),
        ("spike", "resolved-2026-03-29"),
    ]
    assert watchers.told() == [(sent.message.job, sent.message.period) for sent in replay.sent]


def test_without_a_daemon_what_is_due_is_looked_at_and_what_is_gone_ends(
    watchers: Watchers,
) -> None:
    watchers.numbers.bounce = dict.fromkeys(map(day, range(5, 9)), 70.0)
    one, both = {"spike": SPIKE}, {"spike": SPIKE, "other": LOWER}
    told = []
    for now, alerts in ((at(6, 9), both), (at(6, 10), both), (at(7, 9), one)):
        path = watchers.configure(alerts)
        watchers.works.now = Times(now).clock
        told.append([r.job for r in run_due(open_config(path, {}), now, silent, Stop())])

    assert told == [["alerts"], [], []]
    assert watchers.works.rows("SELECT alert, ended_at IS NULL FROM alert_episodes") == [
        ("other", 0),
        ("spike", 1),
    ]


def test_nobody_is_told_that_it_is_over_who_never_heard_that_it_fires(watchers: Watchers) -> None:
    watchers.configure({"spike": SPIKE})
    watchers.numbers.bounce = {day(5): 70.0}
    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.until(at(6, 12))
    ledger = watchers.works.folder / "state" / "digest.db"
    with closing(sqlite3.connect(ledger)) as database, database:
        database.execute("UPDATE deliveries SET state = 'failed'")

    with watchers.works.daemon(at(6, 13)) as daemon:
        daemon.until(at(7, 12))

    assert watchers.told() == [("spike", "firing-2026-03-05")]
    assert watchers.works.rows("SELECT notices, ended_at IS NULL FROM alert_episodes") == [(1, 0)]


def test_a_look_that_a_stop_interrupts_is_made_again_and_told_once(watchers: Watchers) -> None:
    watchers.configure({"spike": SPIKE})
    watchers.numbers.bounce = {day(5): 70.0}
    answer = watchers.works.phase.answer_with
    let_go = threading.Event()

    def slow(request: Request) -> Response | None:
        simulation.daemon.asked.stops = 1
        let_go.wait(10)
        return answer(request)

    with watchers.works.daemon(at(6, 8)) as simulation:
        watchers.works.phase.answer_with = slow
        simulation.until(at(6, 10))
        assert simulation.times.now == at(6, 9), "it stopped while the look was under way"
    let_go.set()
    watchers.works.phase.answer_with = answer
    assert watchers.told() == []

    with watchers.works.daemon(at(6, 10)) as daemon:
        daemon.until(at(6, 12))
    assert watchers.told() == [("spike", "firing-2026-03-05")]


def test_apps_that_are_due_at_once_wait_for_their_turn_and_are_all_looked_at_then(
    watchers: Watchers,
) -> None:
    apps = {
        f"app-{n}": {"app_id": f"{n}", "api_key": "KEY", "base_url": watchers.works.phase.base_url}
        for n in range(MOST_AT_ONCE + 3)
    }
    alerts = {f"{side}-{app}": SPIKE | {"app": app} for app in apps for side in ("a", "b")}
    watchers.configure(alerts, apps=apps)
    with watchers.works.daemon(at(6, 8)) as daemon:
        daemon.until(at(6, 12))
        assert daemon.daemon.loop.alerts.next_looks == dict.fromkeys(alerts, at(7, 9))
        daemon.until(at(7, 9))

    assert watchers.works.rows("SELECT DISTINCT bucket FROM alert_states") == [("2026-03-06",)]
    assert len(watchers.works.rows("SELECT name FROM alert_states")) == len(alerts)


@dataclass(slots=True, kw_only=True)
class _BreaksOnce(Telling):
    """Fails at the first word, as a ledger that is full for a moment would make it."""

    words: int = 0

    def judged(self, one: Judged) -> None:
        self.words += 1
        if self.words == 1:
            raise StateBusyError("the disk is full")
        Telling.judged(self, one)


def test_an_alert_is_looked_at_again_also_when_what_came_of_it_could_not_be_noted(
    watchers: Watchers,
) -> None:
    watchers.configure({"spike": SPIKE})
    watchers.numbers.bounce = {day(5): 70.0}
    with watchers.works.daemon(at(5, 8)) as daemon:
        daemon.daemon.loop.alerts.telling = _BreaksOnce()
        daemon.until(at(7, 12))

    assert watchers.told() == [("spike", "firing-2026-03-05"), ("spike", "resolved-2026-03-06")]


def test_after_a_clock_that_was_ahead_the_operator_hears_why_today_is_not_judged(
    watchers: Watchers,
) -> None:
    live = SPIKE | {"window": "today", "schedule": HOURLY, "min_sessions": 1}
    watchers.configure({"live": live}, ops=OPS)
    with watchers.works.daemon(at(5, 20)) as daemon:
        daemon.until(at(5, 22))
        daemon.step(timedelta(hours=-10))
        daemon.until(at(5, 13))
        assert any("by a clock that was ahead" in text for text in watchers.works.notices())
        daemon.until(at(5, 23))
        assert daemon.daemon.loop.store.troubles.now() == []
