"""The sample rows, day by day through the daemon, and the same days in a back-test."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from digest.app import open_config
from digest.app.backtest import backtest
from digest.sandbox.flavour import Flavour
from digest.sandbox.inbox import Inbox
from digest.sandbox.rows import Device, Rows, Session, read_rows
from digest.sandbox.server import PhaseSandbox
from digest.sandbox.slack import SlackSandbox
from tests.support.alerting import CHANNEL, SPIKE, silent
from tests.support.daemons import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS = Path(__file__).parents[1] / "data" / "phase" / "rows"
START = datetime(2026, 8, 26, 12, tzinfo=UTC)
END = datetime(2026, 11, 24, 3, tzinfo=UTC)
TO = {"mail": ["oncall@example.com"], "slack": [CHANNEL]}


class Place:
    """The rows behind a Phase server whose clock follows the daemon's, an inbox and a Slack."""

    def __init__(self, folder: Path, rows: Rows) -> None:
        self.folder = folder
        self.now: Callable[[], datetime] = lambda: END
        self.rows = rows
        self.phase = PhaseSandbox(rows, api=Flavour.CURRENT, clock=lambda: self.now(), rate_limit=0)  # noqa: PLW0108 — another one with every daemon
        self.inbox = Inbox()
        self.slack = SlackSandbox()

    def configure(self, alerts: dict[str, Any]) -> Path:
        config = {
            "state": "sqlite:///./digest.db",
            "apps": {
                "shop": {
                    "app_id": self.phase.app_id,
                    "api_key": self.phase.api_key,
                    "base_url": self.phase.base_url,
                }
            },
            "channels": {
                "mail": {
                    "type": "smtp",
                    "host": "127.0.0.1",
                    "port": self.inbox.port,
                    "security": "none",
                    "from": "digest@example.com",
                },
                "slack": {
                    "type": "slack",
                    "token": self.slack.token,
                    "base_url": self.slack.base_url,
                },
            },
            "alerts": {name: {"app": "shop", "to": TO, **one} for name, one in alerts.items()},
        }
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return path

    @contextmanager
    def daemon(self, path: Path, start: datetime, **options: Any) -> Iterator[Simulation]:
        simulation = Simulation(config=path, env={}, start=start, **options)
        self.now = simulation.times.clock
        with simulation:
            yield simulation

    def told(self, daemon: Simulation) -> list[tuple[str, str]]:
        """Every message about alerts: job and period, in order."""
        runs = daemon.daemon.loop.store.ledger.latest_runs(500)
        return [(run.job, run.period) for run in reversed(list(runs)) if run.kind == "alert"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, read_rows(ROWS))
    with made.phase, made.inbox, made.slack:
        yield made


def test_the_rows_day_by_day_are_what_the_back_test_says(place: Place) -> None:
    path = place.configure(
        {
            "spike": SPIKE,
            "with-many": SPIKE | {"min_sessions": 1000},
            "silent": {"schedule": SPIKE["schedule"], "window": "day", "when": "no_data"},
            "drop": SPIKE
            | {
                "metric": "sessions",
                "when": {"falls_by": "40%", "against": "same_weekday"},
                "clear": None,
            },
        }
    )
    with place.daemon(path, START) as daemon:
        daemon.until(END)
        told = place.told(daemon)
        states = daemon.daemon.loop.store.alerts.states()

    # the newest day was judged when the daemon began, so the back-test begins with it, too
    replay = backtest(open_config(path, {}), [], (END - START).days + 1, END, silent)

    assert [one for one in told if one[0] == "spike"] == [
        ("spike", "firing-2026-11-21"),
        ("spike", "resolved-2026-11-22"),
    ]
    assert not any(job == "with-many" for job, _ in told)
    assert "1,000" in states["with-many"].state.reason
    assert ("silent", "firing-2026-11-08") in told
    seen = {one.look.bucket: one.look.seen for _, one in replay.judged if one.rule.name == "spike"}
    assert seen["2026-11-08"] == "missing"
    assert told == [(sent.message.job, sent.message.period) for sent in replay.sent]


def test_a_live_spike_arrives_within_one_look_and_its_end_edits_the_post(place: Place) -> None:
    live = SPIKE | {
        "window": "today",
        "schedule": {"at": "every 15m", "timezone": "UTC"},
        "min_sessions": 10,
    }
    path = place.configure({"spike": live})
    noon = datetime(2026, 11, 23, 12, 5, tzinfo=UTC)
    with place.daemon(path, noon) as daemon:
        daemon.until(noon.replace(hour=13))
        assert place.told(daemon) == []
        place.phase.add(sessions(place.phase.app_id, noon.replace(hour=13), 120, seconds=8))
        daemon.until(noon.replace(hour=13, minute=20))
        ((job, period),) = place.told(daemon)
        assert (job, period) == ("spike", "firing-2026-11-23T13:15Z")
        (fired,) = place.slack.posts
        (mail,) = place.inbox.messages
    # a restart in between changes nothing
    with place.daemon(path, noon.replace(hour=13, minute=25)) as daemon:
        daemon.until(noon.replace(hour=13, minute=40))
        assert len(place.told(daemon)) == 1
        place.phase.add(
            sessions(place.phase.app_id, noon.replace(hour=13, minute=41), 400, seconds=90)
        )
        daemon.until(noon.replace(hour=14))
        assert place.told(daemon)[-1] == ("spike", "resolved-2026-11-23T13:45Z")

    first, *rest = place.slack.posts
    assert first.ts == fired.ts
    assert first.text != fired.text
    assert all(reply.thread_ts == first.ts for reply in rest)
    assert len(place.inbox.messages) == len([mail]) + 1


def sessions(app_id: str, at: datetime, count: int, *, seconds: int) -> Rows:
    """New sessions of a new device of the first app, each of that length."""
    begun = int(at.timestamp()) * 1_000_000
    name = f"device-{begun}"
    device = Device(name, app_id, "ios", "DE", "Berlin", begun)
    return Rows(
        devices=(device,),
        sessions=tuple(
            Session(f"{name}-{n}", name, begun + n, begun + n + seconds * 1_000_000)
            for n in range(count)
        ),
        events=(),
        keys=(),
    )
