"""Alerts in a place to simulate in: a Phase server with numbers of one's own, mail and Slack."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from digest.sandbox.slack import SlackSandbox
from tests.support.works import Works, works_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from werkzeug.wrappers import Request

READERS = {"mail": ["oncall@example.com"]}
OPS = {"mail": ["ops@example.com"]}
CHANNEL = "#growth"
SPIKE = {
    "metric": "bounce_rate",
    "window": "day",
    "schedule": {"at": "every day 09:00", "timezone": "UTC"},
    "when": {"above": 60},
    "clear": {"below": 50},
    "repeat": "never",
}


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """An instant of March 2026, UTC."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def day(number: int) -> date:
    """A day of March 2026."""
    return date(2026, 3, number)


def silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody sees."""


@dataclass(slots=True, kw_only=True)
class Numbers:
    """What the Phase server counts: bounce rate and sessions of a day, usual where not said.

    A value of None leaves the day out of the answer.
    """

    bounce: dict[date, float | None] = field(default_factory=dict)
    sessions: dict[date, int | None] = field(default_factory=dict)
    usual: float = 20.0
    down: bool = False

    def answer(self, request: Request, now: datetime) -> Response | None:
        """The answer to a series that is ours; None leaves it to the server."""
        if self.down:
            return Response("", 503)
        metric = request.args.get("metric", "")
        if request.path.endswith("/breakdown") or metric not in {"bounceRate", "sessionCount"}:
            return None
        held, usual = (self.bounce, self.usual) if metric == "bounceRate" else (self.sessions, 100)
        first, last = (
            date.fromisoformat(request.args[name][:10]) for name in ("startDate", "endDate")
        )
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        data = [
            {"date": str(day), metric: value}
            for day in days
            if (value := held.get(day, usual)) is not None
        ]
        meta = {"generatedAt": now.astimezone(UTC).isoformat(timespec="milliseconds")}
        return Response(json.dumps({"data": data, "meta": meta}), 200, mimetype="application/json")


@dataclass(slots=True, kw_only=True)
class Watchers:
    """Works with alerts: `numbers` are what is counted, `slack` is a Slack of our own."""

    works: Works
    numbers: Numbers
    slack: SlackSandbox

    def configure(self, alerts: dict[str, dict[str, Any]], **more: Any) -> Path:
        """Write a config with these alerts and no digest."""
        return self.works.configure(
            {},
            alerts={name: {"app": "shop", "to": READERS, **one} for name, one in alerts.items()},
            **more,
        )

    def with_slack(self) -> dict[str, Any]:
        """The works' channels and the Slack, for `configure`."""
        return {
            "channels": {
                "mail": {
                    "type": "smtp",
                    "host": "127.0.0.1",
                    "port": self.works.inbox.port,
                    "security": "none",
                    "from": "digest@example.com",
                },
                "slack": {
                    "type": "slack",
                    "token": self.slack.token,
                    "base_url": self.slack.base_url,
                },
            }
        }

    def mails(self) -> list[EmailMessage]:
        """What arrived by mail, in order."""
        return [message_from_bytes(mail.data, policy=default) for mail in self.works.inbox.messages]

    def told(self) -> list[tuple[str, str]]:
        """Every message about alerts in the ledger: job and period, in order."""
        return [
            (job, period)
            for job, period in self.works.rows(
                "SELECT job, period FROM runs WHERE kind = 'alert' ORDER BY id"
            )
        ]

    def state(self, name: str) -> str:
        """How an alert stands."""
        ((state,),) = self.works.rows("SELECT state FROM alert_states WHERE name = ?", name)
        return str(state)


@contextmanager
def watchers_in(folder: Path) -> Iterator[Watchers]:
    """Servers on this machine, for as long as the block lasts."""
    with works_in(folder) as works, SlackSandbox() as slack:
        numbers = Numbers()
        works.phase.answer_with = lambda request: numbers.answer(request, works.now())
        yield Watchers(works=works, numbers=numbers, slack=slack)
