"""What the daemon notices about itself: its clock, its queue, its ledger's other writers."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.app.forecast import server_of
from digest.core.agenda import is_sane

if TYPE_CHECKING:
    from datetime import datetime

    from digest.config.models import App, Config
    from digest.service.outside import Outside
    from digest.store.opened import Store

STEP = timedelta(seconds=5)
"""The wall clock and the monotonic one may differ by so much between two rounds."""

DRIFT = timedelta(minutes=10)
"""Our clock and the API's; its answers may come out of a cache."""

LONG_QUEUE = timedelta(minutes=15)
"""How long a delivery may wait that could be sent."""

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Watching:
    """Keeps the daemon's own troubles in the ledger; may be told of them by any thread.

    `cut_off` says that notices do not reach the operator, `drift` how far our clock is ahead.
    """

    store: Store
    outside: Outside
    drift: timedelta = timedelta()
    cut_off: bool = False
    _latest: datetime | None = None
    _seen: tuple[datetime, float] | None = None
    _open: set[str] = field(default_factory=set)
    _servers: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._latest = self.store.agenda.latest()
        self._open = {trouble.name for trouble in self.store.troubles.now()}

    def is_sane(self, now: datetime) -> bool:
        """Whether anything may be planned by this clock."""
        return is_sane(now, self._latest)

    def look(self, now: datetime) -> bool:
        """Whether the clock has jumped since the last look, so that all is to be looked at anew."""
        monotonic = self.outside.monotonic()
        before, self._seen = self._seen, (now, monotonic)
        self._judge_clock(now)
        if before is None:
            return True
        jump = (now - before[0]) - timedelta(seconds=monotonic - before[1])
        if abs(jump) <= STEP:
            return False
        logger.warning(
            "the clock jumped by %.0f s",
            jump.total_seconds(),
            extra={"action": "clock_stepped", "seconds": round(jump.total_seconds())},
        )
        return True

    def _judge_clock(self, now: datetime) -> None:
        if self.is_sane(now):
            self.end("clock")
        else:
            newest = f"{self._latest:%Y-%m-%d}" if self._latest else "this program"
            self.begin(
                "clock",
                f"The clock says {now:%Y-%m-%d %H:%M} UTC, which is before {newest}; nothing new "
                "is planned until it is right",
            )

    def heard(self, app: App, server_now: datetime | None) -> None:
        """An API answered: by its clock it is `server_now`."""
        if server_now is None:
            return
        self.drift = self.outside.clock() - server_now
        name = f"drift {server_of(app.base_url)}"
        if abs(self.drift) > DRIFT:
            minutes = self.drift / timedelta(minutes=1)
            self.begin(name, f"Our clock is {minutes:+.0f} min off the API's at {name[6:]}")
        else:
            self.end(name)

    def reconcile(self, now: datetime) -> None:
        """Look at the queue, and at how far the ledger has come."""
        self._latest = self.store.agenda.latest()
        self.cut_off = self.store.ledger.ops_undelivered(now - LONG_QUEUE) > 0
        age = self.store.ledger.queue_age(now)
        if age > LONG_QUEUE:
            minutes = age / timedelta(minutes=1)
            self.begin("queue", f"A message that could be sent waits since {minutes:.0f} min")
        else:
            self.end("queue")

    def server_of(self, config: Config, job: str) -> str:
        """The server that a job's app is asked at."""
        base_url = config.apps[config.digests[job].app].base_url
        if base_url not in self._servers:
            self._servers[base_url] = server_of(base_url)
        return self._servers[base_url]

    @property
    def kinds(self) -> dict[str, int]:
        """How many troubles there are of each kind, such as `job` or `clock`."""
        with self._lock:
            return dict(Counter(name.partition(" ")[0] for name in self._open))

    def begin(self, name: str, sentence: str) -> None:
        """Something is wrong."""
        with self._lock:
            fresh = name not in self._open
            self._open.add(name)
        if fresh:
            logger.warning("%s", sentence, extra={"action": "trouble", "trouble": name})
            self.store.troubles.begin(name, sentence, self.outside.clock())

    def end(self, name: str) -> None:
        """It is over."""
        with self._lock:
            known = name in self._open
            self._open.discard(name)
        if known:
            logger.info("over: %s", name, extra={"action": "trouble_over", "trouble": name})
            self.store.troubles.end(name, self.outside.clock())
