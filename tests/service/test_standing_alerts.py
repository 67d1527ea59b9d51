"""What the page and the metrics say of the alerts of a daemon that runs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.alerting import SPIKE, Watchers, watchers_in
from tests.support.looking import Looking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HIGH = SPIKE | {"when": {"above": 90}, "clear": {"below": 80}}


@pytest.fixture
def watchers(tmp_path: Path) -> Iterator[Watchers]:
    with watchers_in(tmp_path) as made:
        yield made


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def test_the_page_says_how_each_alert_stands(watchers: Watchers) -> None:
    watchers.configure({"spike": SPIKE, "high": HIGH, "off": SPIKE | {"enabled": False}})
    watchers.numbers.bounce = {date(2026, 3, 5): 70.0}
    looking = Looking()

    with watchers.works.daemon(at(6, 8), watch=looking) as daemon:
        daemon.until(at(6, 10))
        daemon.daemon.loop.store.alerts.silence("high", at(7), "ana", "release", at(6, 10))
        standing, page = looking.standing(), looking.get("/")[1]

    spike, high, off = standing["alerts"]
    wanted = ("state", "value", "bound", "bucket", "since", "told", "next_look", "silence")
    assert {key: spike[key] for key in wanted} == {
        "state": "firing",
        "value": "70.0\u00a0%",
        "bound": "above 60\u00a0%",
        "bucket": "2026-03-05",
        "since": "2026-03-05T00:00:00Z",
        "told": True,
        "next_look": "2026-03-07T09:00:00Z",
        "silence": None,
    }
    assert (high["state"], high["silence"]["why"]) == ("ok", "release")
    assert (off["enabled"], off["next_look"]) == (False, None)
    assert standing["ok"] is True
    assert standing["verdict"] == "Nothing needs you; spike fires"
    assert "<b>70.0\u00a0%</b>" in page


def test_a_look_that_failed_is_shown_with_the_time_of_the_next_try(watchers: Watchers) -> None:
    watchers.configure({"spike": SPIKE})
    watchers.numbers.down = True
    looking = Looking()

    with watchers.works.daemon(at(6, 8), watch=looking) as daemon:
        daemon.until(at(6, 8))
        (alert,) = looking.standing()["alerts"]
        daemon.until(at(6, 9))
        metrics = looking.get("/metrics")[1].splitlines()

    assert (alert["state"], alert["errors"], alert["bucket"]) == ("ok", 1, "")
    assert at(6, 8) < datetime.fromisoformat(alert["next_look"]) < at(6, 9)
    (failed,) = (line for line in metrics if 'looks_total{outcome="failed"}' in line)
    assert float(failed.split()[1]) > 3
    assert 'digest_alerts{state="ok"} 1.0' in metrics


def test_the_metrics_count_looks_messages_and_what_is_held_back(watchers: Watchers) -> None:
    watchers.configure({"spike": SPIKE, "high": HIGH, "off": SPIKE | {"enabled": False}})
    watchers.numbers.bounce = {date(2026, 3, 5): 70.0, date(2026, 3, 7): 95.0}
    watchers.numbers.sessions = {date(2026, 3, 8): 3}
    looking = Looking()

    with watchers.works.daemon(at(6, 8), watch=looking) as daemon:
        store = daemon.daemon.loop.store
        store.alerts.silence("high", at(30), "ana", "release", at(6, 8))
        daemon.until(at(8, 10))
        firing = looking.get("/metrics")[1].splitlines()
        daemon.until(at(9, 10))
        metrics = looking.get("/metrics")[1].splitlines()

    assert 'digest_alerts{state="firing"} 2.0' in firing
    assert 'digest_alerts{state="ok"} 0.0' in firing, "what is switched off does not count"
    shown = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in metrics}
    assert {key: value for key, value in shown.items() if key.startswith("digest_alert_")} == {
        'digest_alert_looks_total{outcome="breach"}': "3.0",
        'digest_alert_looks_total{outcome="clear"}': "5.0",
        'digest_alert_looks_total{outcome="too_few"}': "2.0",
        'digest_alert_messages_total{kind="fire"}': "2.0",
        'digest_alert_messages_total{kind="resolve"}': "1.0",
    }
    assert shown['digest_alerts_held_back_total{why="silenced"}'] == "1.0"
