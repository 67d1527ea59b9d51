"""A place to simulate in: a config, an inbox and a Phase server that follows the daemon's clock.

with works_in(tmp_path) as works:
    works.configure({"daily": {"period": "day", "schedule": "every day 07:30"}})
    with works.daemon(start) as daemon:
        daemon.until(end)
    assert works.periods("daily") == ["2026-03-01"]
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

import yaml

from digest.sandbox.inbox import Inbox
from tests.support.daemons import Simulation
from tests.support.endless_phase import EndlessPhase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from email.message import EmailMessage
    from pathlib import Path

SMALL = {"metrics": ["sessions"], "breakdowns": [], "charts": []}
OPS = {"mail": ["ops@example.com"]}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One digest in the inbox, and when it was sent by the daemon's clock."""

    job: str
    period: str
    at: datetime
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    """One due period as it stands in the ledger."""

    job: str
    period: str
    due_at: datetime
    local: str
    state: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Works:
    """The config is written by `configure`; every daemon on the same folder has the same ledger."""

    folder: Path
    phase: EndlessPhase
    inbox: Inbox
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    digests: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def configure(self, digests: Mapping[str, Mapping[str, Any]], **more: Any) -> Path:
        """Write a config; each digest goes to one reader unless it says otherwise."""
        self.digests, self.more = dict(digests), more
        reader = {"mail": ["ana@example.com"]}
        config = {
            "timezone": "Europe/Berlin",
            "state": "sqlite:///./state/digest.db",
            "limits": {"connect": 2, "read": 2, "try": 3, "call": 5, "tries": 1},
            "apps": {
                "shop": {"app_id": "1", "api_key": "KEY_SHOP", "base_url": self.phase.base_url}
            },
            "channels": {
                "mail": {
                    "type": "smtp",
                    "host": "127.0.0.1",
                    "port": self.inbox.port,
                    "security": "none",
                    "from": "digest@example.com",
                },
                "files": {"type": "folder", "path": "./out"},
            },
            "digests": {
                name: {"app": "shop", **SMALL, "to": reader, **one} for name, one in digests.items()
            },
            **more,
        }
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return path

    @contextmanager
    def daemon(self, start: datetime, **options: Any) -> Iterator[Simulation]:
        """A daemon that starts then; it is stopped in the end."""
        simulation = Simulation(config=self.folder / "config.yaml", env={}, start=start, **options)
        self.now = simulation.times.clock
        with simulation:
            yield simulation

    def sent(self) -> list[tuple[str, str]]:
        """What arrived: subject and date, in order."""
        found = [message_from_bytes(mail.data, policy=default) for mail in self.inbox.messages]
        return [(str(mail["Subject"]), str(mail["Date"])) for mail in found]

    def arrivals(self) -> list[Arrival]:
        """Every copy of a digest that arrived, in order; one that the ledger lacks is an error."""
        known = {
            reference: (job, period, at)
            for reference, job, period, at in self.rows(
                "SELECT reference, job, period, armed_at FROM deliveries"
                " JOIN runs ON runs.id = deliveries.run_id"
            )
        }
        found = []
        for message in self._messages(to_ops=False):
            job, period, at = known[str(message["Message-ID"])]
            subject, text = str(message["Subject"]), _text(message)
            found.append(
                Arrival(job=job, period=period, at=_instant(at), subject=subject, text=text)
            )
        return found

    def periods(self, job: str) -> list[str]:
        """The periods of a job that arrived, in order."""
        return [one.period for one in self.arrivals() if one.job == job]

    def notices(self) -> list[str]:
        """What the operator was told, in order."""
        return [_text(message) for message in self._messages(to_ops=True)]

    def dues(self, job: str) -> list[DueRow]:
        """What became due of a job, in order."""
        columns = "job, period, due_at, local, state, coalesce(reason, '')"
        found = self.rows(f"SELECT {columns} FROM dues WHERE job = ? ORDER BY due_at, id", job)
        return [
            DueRow(job=a, period=b, due_at=_instant(c), local=d, state=e, reason=f)
            for a, b, c, d, e, f in found
        ]

    def rows(self, query: str, *values: object) -> list[Any]:
        """What a query finds in the ledger, read by another connection."""
        ledger = self.folder / "state" / "digest.db"
        with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(query, values).fetchall()

    def _messages(self, *, to_ops: bool) -> Iterator[EmailMessage]:
        for mail in self.inbox.messages:
            if ("ops@example.com" in mail.recipients) is to_ops:
                yield message_from_bytes(mail.data, policy=default)


def _text(message: EmailMessage) -> str:
    """The words of the text part, without its line ends."""
    part = message.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


@contextmanager
def works_in(folder: Path) -> Iterator[Works]:
    """Servers on this machine, for as long as the block lasts."""
    with Inbox() as inbox:
        # `now` is another one with every daemon
        phase = EndlessPhase(clock=lambda: made.now())  # noqa: PLW0108
        with phase:
            made = Works(folder=folder, phase=phase, inbox=inbox)
            yield made
