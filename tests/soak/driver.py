"""Drives a daemon through a year: moves its clock on, kills it, breaks what is around it."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from tests.soak.events import QUIET, Event, What, downtime, events, step
from tests.soak.history import Spell
from tests.soak.jobs import EDITABLE, EXTRA, edited
from tests.soak.place import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.soak.steering import Steering

LARGE = timedelta(days=1)
"""A clock that is so wrong is not planned by."""

_MORNING = timedelta(hours=5)  # whatever is due by then can be sent by then
_LONGEST_WORK = 0.3  # real seconds
_REACH = timedelta(hours=80)  # what is still under way may be so old
_MOST_IN_A_ROW = 3


@dataclass(slots=True, kw_only=True)
class Driver:
    """One soak of the daemon `at` a place. Call `drive`; `told` hears of each event."""

    at: Steering
    days: int
    kills: int
    seed: int
    told: Callable[[datetime, str], None] = lambda _at, _what: None
    _rng: random.Random = field(init=False)
    _events: list[Event] = field(default_factory=list)
    _numbers: int = 1_000_000

    def drive(self) -> None:
        """The whole soak, to the orderly end of the last daemon."""
        self._rng = random.Random(self.seed)
        start = self.at.place.start
        end = start + timedelta(days=self.days) + _MORNING
        self._events = events(self._rng, start, self.days, self.kills)
        heapify(self._events)
        self.at.history.end = end
        self.at.start()
        while self._events:
            event = heappop(self._events)
            self.at.until(event.at)
            self.told(self.at.place.clock.true(), event.what)
            self._do(event.what)
        if self.at.life is None:
            self.at.start()
        self.at.until(end)
        self.at.stop()

    def _do(self, what: What) -> None:
        match what:
            case What.UP if self.at.life is None:
                self.at.start()
            case What.KILL | What.KILL_AT_WORK if self.at.life is not None:
                if what is What.KILL_AT_WORK:
                    self.at.work(self._rng.randint(1, 2))
                self._kill_in_a_row()
            case What.TERM if self.at.life is not None:
                self.at.work(self._rng.randint(1, 2))
                time.sleep(self._rng.uniform(0, _LONGEST_WORK))
                self.at.stop()
                self.at.start()
            case What.DOWN if self.at.life is not None:
                self._rng.choice((self.at.kill, self.at.stop))()
                self._later(What.UP, downtime(self._rng))
            case What.STEP if self.at.life is not None and not self.at.place.clock.offset:
                self._step()
            case What.CORRECT:
                self.at.set_clock(timedelta())
            case What.RELOAD if self.at.life is not None and not self.at.place.clock.offset:
                self._reload()
            case What.BY_HAND if not self.at.place.clock.offset:
                self._by_hand()
            case _:
                self._disturb(what)

    def _kill_in_a_row(self) -> None:
        self.at.place.faults.sluggish = True
        time.sleep(self._rng.uniform(0, _LONGEST_WORK))
        self.at.kill()
        for _ in range(self._rng.choice((0, 0, 0, 1, _MOST_IN_A_ROW))):
            self.at.begin()
            time.sleep(self._rng.uniform(0, _LONGEST_WORK))
            self.at.kill()
        self.at.place.faults.sluggish = False
        if self._rng.random() < 0.75:
            self.at.start()
        else:
            self._later(What.UP, downtime(self._rng))

    def _step(self) -> None:
        clock = self.at.place.clock
        offset = step(self._rng, self.at.history.end - QUIET - clock.true())
        lasts = timedelta(minutes=self._rng.uniform(5, 240))
        self.at.history.counts["steps"] += 1
        if abs(offset) > LARGE:
            now = clock.true()
            excused = Spell(
                what="step", start=now - _REACH, end=max(now, now + offset) + lasts + LARGE
            )
            self.at.history.excused.append(excused)
        self.at.set_clock(offset)
        self._later(What.CORRECT, lasts)

    def _reload(self) -> None:
        assert self.at.life is not None
        self.at.rest()
        self.at.history.counts["reloads"] += 1
        change = self._rng.random()
        if change < 0.2 and not self.at.broken:
            self.at.broken = True
            self.at.place.break_config()
        else:
            self.at.broken = False
            self._change(change)
            self.at.place.configure(self.at.jobs)
        self.at.life.signal(signal.SIGHUP)
        if self._rng.random() < 0.25:
            time.sleep(self._rng.uniform(0, _LONGEST_WORK / 3))
            self.at.kill()
            self.at.start()
        self.at.rest()
        if not self.at.broken:
            self.at.history.config_is(self.at.jobs, self.at.place.clock.wall())

    def _change(self, change: float) -> None:
        if change < 0.45:
            if self.at.jobs.pop(EXTRA.name, None) is None:
                self.at.jobs[EXTRA.name] = EXTRA
        elif change < 0.9:
            name = self._rng.choice(EDITABLE)
            self.at.jobs[name] = edited(self.at.jobs[name])

    def _by_hand(self) -> None:
        if self.at.life is not None:
            self.at.rest()
        name, wall = self._rng.choice(sorted(self.at.jobs)), self.at.place.clock.wall()
        self.at.history.by_hand.append((name, wall))
        self.at.history.counts["by hand"] += 1
        self.at.place.configure(self.at.jobs)
        kill_after = self._rng.uniform(0, _LONGEST_WORK) if self._rng.random() < 0.25 else None
        done = self.at.lives.command(
            self.at.life, "run", name, "--now", wall.isoformat(), kill_after=kill_after
        )
        if "defect" in done.said or "Traceback" in done.said:
            self.at.history.amiss.append(f"{wall:%Y-%m-%d %H:%M} by hand, {name}: {done.said}")

    def _disturb(self, what: What) -> None:
        faults, now = self.at.place.faults, self.at.place.clock.true()
        match what:
            case What.PHASE if not faults.phase:
                faults.phase = self._rng.choice((Fault.DOWN, Fault.LIMITED, Fault.HANGS_UP))
                hours = self._rng.choice((0.2, 1, 3, 10))
                if self._rng.random() < 0.1:
                    faults.phase, hours = Fault.SILENT, 0.1
                self._fault("phase", What.PHASE_WELL, hours)
            case What.PHASE_WELL:
                faults.phase = Fault.NONE
                self.at.history.ended("phase", now)
            case What.MAIL if not faults.mail:
                faults.mail = self._rng.choice((Fault.DOWN, Fault.LIMITED, Fault.HANGS_UP))
                self._fault("mail", What.MAIL_WELL, self._rng.choice((0.2, 1, 3, 8)))
            case What.MAIL_WELL:
                faults.mail = Fault.NONE
                self.at.history.ended("mail", now)
            case What.LOSE_MAIL:
                faults.lost_mail = self._rng.choice((1, 1, 2, 3))
            case What.LOSE_POSTS:
                faults.lost_posts = self._rng.choice((1, 1, 2))
            case _:
                return  # it does not fit in here

    def _fault(self, what: str, then: What, hours: float) -> None:
        self.at.history.began(what, self.at.place.clock.true())
        self.at.history.counts["outages"] += 1
        self._later(then, timedelta(hours=hours * self._rng.uniform(0.5, 1)))

    def _later(self, what: What, wait: timedelta) -> None:
        self._numbers += 1
        quiet = self.at.history.end - QUIET
        at = max(min(self.at.place.clock.true() + wait, quiet), self.at.place.clock.true())
        heappush(self._events, Event(at, self._numbers, what))
