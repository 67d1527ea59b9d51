"""Real `digest serve` processes, with a Phase server that has every day and what systemd hears.

    place.configure({"daily": {}})
    place.due("daily")
    with place.serve() as daemon:
        eventually(lambda: place.mail.accepted)
        assert daemon.end().code == 0

Digests are daily, in UTC and settled at once, so that something can be due whenever a test runs.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import TYPE_CHECKING, Any, Self, TypeVar

import yaml

from digest.app import open_config
from digest.config.occasions import schedule_key
from digest.core.agenda import Due, DueState, JobClock
from digest.store.opening import open_sender
from digest.store.places import StatePlace
from tests.support.endless_phase import EndlessPhase
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.lab.runner import Running, Starter
    from tests.support.commands import Done

Found = TypeVar("Found")

ANA, BOB = "ana@example.com", "bob@example.com"
KEY = "key-4f1c9a7702d64e5b"
PATIENCE = 30.0  # seconds, for a busy machine
SMALL = {"app": "shop", "period": "day", "settle": 0, "metrics": ["sessions"]}
PLAIN = {**SMALL, "breakdowns": [], "charts": [], "schedule": "every day 12:00"}


def utc_now() -> datetime:
    return datetime.now(UTC)


def eventually(happens: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until it does."""
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def gathered(look: Callable[[], list[Found]], done: Callable[[], bool]) -> list[Found]:
    """What each look finds, until all is done."""
    found: list[Found] = []

    def once() -> bool:
        found.extend(look())
        return done()

    eventually(once)
    return found


class Listening:
    """What a process tells systemd: `heard` has every line with the moment it came."""

    def __init__(self, path: Path) -> None:
        self.heard: list[tuple[float, str]] = []
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    @property
    def lines(self) -> list[str]:
        """Everything so far, in order."""
        self._take(0.0)
        return [line for _, line in self.heard]

    def count(self, line: str) -> int:
        return self.lines.count(line)

    def until(self, line: str, times: int = 1, seconds: float = PATIENCE) -> None:
        """Wait until it was said so often."""
        end = time.monotonic() + seconds
        while self.count(line) < times:
            left = end - time.monotonic()
            assert left > 0, f"{line} was not said {times} times: {self.lines[-8:]}"
            self._take(left)

    def within(self, seconds: float) -> list[str]:
        """What is said from now on, for so long."""
        begun = len(self.lines)
        time.sleep(seconds)
        return self.lines[begun:]

    def close(self) -> None:
        self._socket.close()

    def _take(self, seconds: float) -> None:
        self._socket.settimeout(seconds)
        with suppress(TimeoutError, BlockingIOError):
            while True:
                said = self._socket.recv(4096).decode().split("\n")
                self.heard += [(time.monotonic(), line) for line in said]
                self._socket.settimeout(0.0)


@dataclass(slots=True)
class Serving:
    """One daemon. The end of the block kills it, if it is still there."""

    running: Running
    listening: Listening
    done: Done | None = None

    @property
    def pid(self) -> int:
        return self.running.pid

    def signal(self, number: int) -> None:
        self.running.signal(number)

    def reload(self) -> None:
        """SIGHUP, and what comes of it."""
        before = self.listening.count("READY=1")
        self.signal(signal.SIGHUP)
        self.listening.until("READY=1", before + 1)

    def end(self, *signals: int, seconds: float = PATIENCE) -> Done:
        """Send the signals (SIGTERM), and wait."""
        for number in signals or (signal.SIGTERM,):
            self.signal(number)
        return self.wait(seconds)

    def wait(self, seconds: float = PATIENCE) -> Done:
        self.done = self.running.wait(seconds)
        return self.done

    def close(self) -> None:
        if self.done is None:
            self.end(signal.SIGKILL)


@dataclass(slots=True, kw_only=True)
class Place:
    """Context manager: a folder with a config, a Phase and a mail server, and digest in it."""

    folder: Path
    starter: Starter
    phase: EndlessPhase = field(default_factory=lambda: EndlessPhase(clock=utc_now))
    mail: SmtpServer = field(default_factory=SmtpServer)
    env: dict[str, str] = field(default_factory=dict)
    _closing: ExitStack = field(default_factory=ExitStack)
    _sockets: int = 0

    def __enter__(self) -> Self:
        with ExitStack() as closing:
            closing.enter_context(self.phase)
            closing.enter_context(self.mail)
            self._closing = closing.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._closing.close()

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def ledger(self) -> StatePlace:
        return StatePlace(path=self.folder / "state" / "digest.db")

    @property
    def environment(self) -> dict[str, str]:
        """That of each process."""
        usual = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        return {**usual, "PHASE_KEY": KEY, **self.env}

    def configure(self, digests: Mapping[str, Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
        """Write the config; each digest goes to one reader unless it says otherwise."""
        app = {"app_id": "1", "api_key": "${PHASE_KEY}", "base_url": self.phase.base_url}
        config: dict[str, Any] = {
            "timezone": "UTC",
            "state": "sqlite:///./state/digest.db",
            "limits": {"connect": 2, "read": 2, "try": 3, "call": 5, "tries": 1},
            "apps": {"shop": app},
            "channels": {
                "mail": self.mail_channel(self.mail.port),
                "files": {"type": "folder", "path": "./out"},
            },
            "digests": {
                name: {**PLAIN, "to": {"mail": [ANA]}, **one} for name, one in digests.items()
            },
        }
        config |= changes
        self.config.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return config

    @staticmethod
    def mail_channel(port: int) -> dict[str, Any]:
        server = {"type": "smtp", "host": "127.0.0.1", "port": port, "security": "none"}
        return {**server, "from": "digest@example.com"}

    def due(self, *jobs: str, after: float = 0.0) -> None:
        """Have the ledger know that yesterday's digests are due so many seconds from now."""
        config, now = open_config(self.config, self.environment), utc_now()
        at = now + timedelta(seconds=after)
        dues = [
            Due(
                row=0,
                job=job,
                period=f"{now - timedelta(days=1):%Y-%m-%d}",
                due_at=at,
                local=at.isoformat(timespec="seconds"),
                ready_at=datetime.combine(now.date(), clock_time(), UTC),  # the period's end
                deadline=now + timedelta(hours=12),
                state=DueState.WAITING,
            )
            for job in jobs
        ]
        clocks = [
            JobClock(job=job, since=at, schedule=schedule_key(config.digests[job])) for job in jobs
        ]
        with open_sender(self.ledger, command="a test", clock=utc_now) as store:
            store.agenda.note(clocks, dues, now)

    @contextmanager
    def serve(
        self, *options: str, ready: bool = True, env: Mapping[str, str] | None = None
    ) -> Iterator[Serving]:
        """`digest serve`; with `ready` it is waited for."""
        self._sockets += 1
        listening = Listening(self.folder / f"notify{self._sockets}")
        notify = {"NOTIFY_SOCKET": str(listening.path)}
        environment = {**self.environment, **notify, **(env or {})}
        running = self.starter.start(["serve", *options], self.folder, environment)
        daemon = Serving(running, listening)
        try:
            if ready:
                listening.until("READY=1")
            yield daemon
        finally:
            daemon.close()
            listening.close()

    def start(self, *arguments: str) -> Running:
        """Another command."""
        return self.starter.start(arguments, self.folder, self.environment)

    def run(self, *arguments: str) -> Done:
        """Another command, waited for."""
        return self.start(*arguments).wait()

    def rows(self) -> list[tuple[str, str, str]]:
        """Job, recipient and state of each delivery, the oldest first."""
        listed = self.run("deliveries", "--json").json
        return [(one["job"], one["recipient"], one["state"]) for one in reversed(listed)]
