"""A daemon in hand: its clock is moved on while it rests, it is started, stopped and killed."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.soak.history import History, Up
from tests.soak.jobs import first_jobs

if TYPE_CHECKING:
    from datetime import datetime

    from tests.soak.jobs import Job
    from tests.soak.life import Life, Lives
    from tests.soak.place import Place
    from tests.support.commands import Done

_A_BIT = timedelta(seconds=30)


@dataclass(slots=True, kw_only=True)
class Steering:
    """One place and the daemon that lives there, if any does; keeps the history of it.

    `jobs` are those of the config, `broken` says that the file is none at the moment.
    """

    place: Place
    lives: Lives
    history: History = field(default_factory=History)
    jobs: dict[str, Job] = field(default_factory=lambda: first_jobs(2026))
    life: Life | None = None
    broken: bool = False
    _up_since: datetime | None = None

    def until(self, end: datetime) -> None:
        """Let time pass."""
        clock = self.place.clock
        while (left := (end - clock.true()).total_seconds()) > 0:
            if self.life is None:
                clock.advance(left)
                return
            seconds = self.rest()
            clock.advance(min(seconds, left))
            self.go()
        if self.life is not None:
            self.rest()

    def rest(self) -> float:
        """Until the daemon has nothing to do."""
        assert self.life is not None
        seconds = self.life.idle()
        if seconds is None:
            self._ended(self.life.end(0), "by itself", set())
            self.start()
            return self.rest()
        return seconds

    def go(self) -> None:
        """It may look around, once it rests."""
        if self.life is not None and self.life.idle() is not None:
            self.life.go()

    def begin(self) -> None:
        """Start it, whatever becomes of that."""
        if self.broken:
            self.place.configure(self.jobs)
            self.broken = False
        self.history.starts.append(self.place.clock.wall())
        self.history.counts["starts"] += 1
        self.life = self.lives.begin()

    def start(self) -> None:
        """Start it, and wait until it has come to rest."""
        self.place.configure(self.jobs)
        self.begin()
        self._settle()

    def _settle(self) -> None:
        """It has come to rest for the first time: from now on it counts as up."""
        assert self.life is not None
        if self.life.idle() is None:
            done, self.life = self.life.end(0), None
            raise AssertionError(f"the daemon did not start: {done.code} {done.said}")
        self._up_since = self.place.clock.true()
        self.history.config_is(self.jobs, self.place.clock.wall())

    def kill(self) -> None:
        """kill -9."""
        assert self.life is not None
        life, self.life = self.life, None
        self._ended(life.kill(), "after kill -9", {-signal.SIGKILL})
        self.history.counts["kills"] += 1

    def stop(self) -> None:
        """SIGTERM; it has to end in order."""
        assert self.life is not None
        life, self.life = self.life, None
        self._ended(life.stop(), "after SIGTERM", {0})
        self.history.counts["stops"] += 1

    def _ended(self, done: Done, how: str, good: set[int]) -> None:
        self._not_up()
        at = f"{self.place.clock.true():%Y-%m-%d %H:%M:%S}"
        if done.code not in good:
            self.history.amiss.append(f"{at}: the daemon ended {how} with {done.code}: {done.said}")
        for line in done.said.splitlines():
            if "defect of digest" in line or "Traceback" in line:
                self.history.amiss.append(f"life until {at}: {line}")

    def _not_up(self) -> None:
        if self._up_since is not None:
            clock = self.place.clock
            self.history.ups.append(Up(start=self._up_since, end=clock.true(), offset=clock.offset))
        self._up_since = None

    def work(self, paces: int) -> None:
        """Go on in the daemon's own paces, and leave it in the middle of the last one."""
        for _ in range(paces):
            self.place.clock.advance(min(self.rest(), _A_BIT.total_seconds()))
            self.go()

    def set_clock(self, offset: timedelta) -> None:
        """The wall clock is ahead by that from now on; the daemon finds out at its next look."""
        was_up = self._up_since is not None
        self._not_up()
        self.place.clock.offset = offset
        if was_up:
            self._up_since = self.place.clock.true()
            self.go()
            self.rest()
