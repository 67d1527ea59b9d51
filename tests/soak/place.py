"""Where the soak happens: servers that keep books, and that can be told to fail.

What a server takes is in the journal, with its true time, before the answer goes out.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import yaml
from werkzeug.wrappers import Response

from tests.lab.journal import Journal
from tests.lab.slack_sink import LOST, SlackSink
from tests.lab.smtp_sink import At, Slow, SmtpSink
from tests.soak.clock import SharedClock
from tests.soak.jobs import config_of
from tests.support.endless_phase import EndlessPhase
from tests.support.slacking import POST
from tests.support.smtp_acts import CLOSE, Act, reply

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from werkzeug.wrappers import Request

    from digest.sandbox.slack import Answer
    from tests.soak.jobs import Job

_TOO_LONG = 2.3  # real seconds; the config's read limit is 2
_SLOWEST = 0.06  # real seconds; so that more kills fall between a message and its answer
_BROKEN = "digests: [this is, no config\n"


class Fault(StrEnum):
    """What a server does instead of its work."""

    NONE = ""
    DOWN = "503"
    LIMITED = "429"
    HANGS_UP = "hangs up"
    SILENT = "silent"


class TimedJournal(Journal):
    """Each entry has the true time, and what the machine's clock said."""

    def __init__(self, path: Path, clock: SharedClock) -> None:
        super().__init__(path)
        self._clock = clock

    def write(self, kind: str, **fields: Any) -> None:
        """See Journal."""
        at, wall = self._clock.true().isoformat(), self._clock.wall().isoformat()
        super().write(kind, at=at, wall=wall, **fields)


@dataclass(slots=True)
class Faults:
    """What is the matter now; the servers' threads ask. `lost_mail` and `lost_posts` are how many
    of the next answers get lost; `sluggish` lets answers wait a little.
    """

    rng: random.Random
    phase: Fault = Fault.NONE
    mail: Fault = Fault.NONE
    lost_mail: int = 0
    lost_posts: int = 0
    sluggish: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on_request(self, _request: Request) -> Response | None:
        """Phase's answer, if it isn't the right one."""
        match self.phase:
            case Fault.DOWN:
                return Response("down", 503)
            case Fault.LIMITED:
                return Response("slower", 429, {"Retry-After": "90"})
            case Fault.HANGS_UP:
                raise ConnectionError
            case Fault.SILENT:
                time.sleep(_TOO_LONG)
                raise ConnectionError
            case _:
                return None

    def on_mail(self, at: At) -> Act | None:
        """What the mail server does at a point of the conversation."""
        match self.mail, at.point:
            case Fault.DOWN, "GREETING":
                return Act(text=b"421 4.3.2 not now\r\n", close=True)
            case Fault.LIMITED, "RCPT":
                return reply("451 4.7.1 later")
            case Fault.HANGS_UP, "DATA":
                return CLOSE
            case _, "ANSWERING" if self._take("lost_mail"):
                return CLOSE
            case _, "ANSWERING" if self.sluggish:
                return Slow(wait=self._wait(), text=b"250 2.0.0 taken\r\n")
            case _:
                return None

    def on_slack(self, method: str, _payload: Mapping[str, Any], _n: int) -> Answer | None:
        """What Slack does with a call."""
        if method == POST and self.sluggish:
            time.sleep(self._wait())
        return LOST if method == POST and self._take("lost_posts") else None

    def _take(self, what: str) -> bool:
        with self._lock:
            left: int = getattr(self, what)
            setattr(self, what, max(left - 1, 0))
        return left > 0

    def _wait(self) -> float:
        with self._lock:
            return self.rng.uniform(0, _SLOWEST)


@dataclass(slots=True, kw_only=True)
class Place:
    """Context manager: an empty folder with a clock, a config and servers."""

    folder: Path
    start: datetime
    faults: Faults
    clock: SharedClock = field(init=False)
    journal: TimedJournal = field(init=False)
    phase: EndlessPhase = field(init=False)
    smtp: SmtpSink = field(init=False)
    slack: SlackSink = field(init=False)
    _closing: ExitStack = field(default_factory=ExitStack, init=False)

    def __enter__(self) -> Self:
        with ExitStack() as closing:
            self.clock = closing.enter_context(SharedClock.make(self.clock_file, self.start))
            self.journal = closing.enter_context(
                TimedJournal(self.folder / "journal.jsonl", self.clock)
            )
            self.phase = closing.enter_context(
                EndlessPhase(
                    clock=self.clock.true,
                    monotonic=lambda: self.clock.true().timestamp(),
                    answer_with=self.faults.on_request,
                )
            )
            self.smtp = closing.enter_context(SmtpSink(self.journal, on_point=self.faults.on_mail))
            self.slack = closing.enter_context(
                SlackSink(
                    self.journal,
                    script=self.faults.on_slack,
                    clock=lambda: self.clock.true().timestamp(),
                )
            )
            self._closing = closing.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._closing.close()

    @property
    def clock_file(self) -> Path:
        """For another process."""
        return self.folder / "clock"

    def configure(self, jobs: Mapping[str, Job]) -> None:
        """Write the config."""
        config = config_of(
            jobs, phase=self.phase.base_url, smtp=self.smtp.port, slack=self.slack.base_url
        )
        self._write(yaml.safe_dump(config, sort_keys=False))

    def break_config(self) -> None:
        """Write something that is no config."""
        self._write(_BROKEN)

    def _write(self, text: str) -> None:
        (self.folder / "config.yaml").write_text(text, encoding="utf-8")
