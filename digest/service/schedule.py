"""Which periods are due, and which are to be fetched ahead of their time."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop
from typing import TYPE_CHECKING

from digest.app import ledger as ledgers
from digest.core.agenda import GONE
from digest.service import accounting
from digest.service.calendar import AHEAD, Calendar, fetch_plan

if TYPE_CHECKING:
    from digest.config.models import Config
    from digest.core.agenda import Due, JobClock
    from digest.core.pacing import Start
    from digest.service.telling import Telling
    from digest.store.opened import Store

_PLAN_KEEPS = timedelta(minutes=10)

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Schedule:
    """The jobs of a config as the ledger accounts for them. Call `open` first."""

    store: Store
    telling: Telling
    config: Config = field(init=False)
    calendar: Calendar = field(init=False)
    plan: dict[tuple[str, str], Start] = field(default_factory=dict)
    clocks: dict[str, JobClock] = field(default_factory=dict)
    _planned_at: datetime | None = None
    _starts: list[tuple[datetime, str, str]] = field(default_factory=list)

    def open(self, config: Config, now: datetime, *, keep: bool) -> None:
        """Take up a config. With `keep` the ledger remembers it; by a wrong clock it must not."""
        agenda = self.store.agenda
        accounts = accounting.opened(
            config,
            agenda.clocks(),
            now,
            last_period=agenda.last_period,
            was_planned=self.store.ledger.was_planned,
        )
        if keep:
            agenda.forget(accounts.gone, GONE, now)
            agenda.note(accounts.changed, accounts.dues, now)
            for due in accounts.dues:
                self.telling.due(due)
        self.config = config
        self.clocks = accounts.clocks
        self.calendar = Calendar(config, self.clocks)
        self._planned_at = None

    def knows(self, due: Due) -> bool:
        """Whether the config still runs this job."""
        return due.job in self.clocks

    def start_of(self, due: Due) -> datetime:
        """When fetching for it should begin, as planned; else when it is due."""
        start = self.plan.get((due.job, due.period))
        return due.due_at if start is None else start.start_at

    @property
    def next_at(self) -> datetime | None:
        """When something becomes due, or is to be begun ahead of its time."""
        times = [self.calendar.soonest, self._starts[0][0] if self._starts else None]
        return min((at for at in times if at is not None), default=None)

    def note(self, now: datetime) -> bool:
        """Write down what has become due, or is to be begun now; whether there was anything."""
        ahead = [job for job, period in self._begun(now) if self._is_next(job, period)]
        jobs = dict.fromkeys([*self.calendar.take(now), *ahead])
        if not jobs:
            return False
        self.calendar.remove(ahead)
        try:
            found = [self._due(job, now) for job in jobs]
            dues = [due for _, some in found for due in some]
            self.store.agenda.note([clock for clock, _ in found], dues, now)
            self.clocks |= {clock.job: clock for clock, _ in found}
        finally:  # also where the ledger could not be written: then they are due all the same
            for job in jobs:
                self.calendar.put(self.clocks[job])
        for due in dues:
            self.telling.due(due)
        return True

    def _due(self, job: str, now: datetime) -> tuple[JobClock, list[Due]]:
        digest, occasion = self.config.digests[job], self.calendar.next_of(job)
        return accounting.due_now(
            digest,
            self.clocks[job],
            now,
            until=now if occasion is None else max(now, occasion.due_at),
            lateness=ledgers.lateness(self.config, digest),
            was_planned=self.store.ledger.was_planned,
        )

    def _begun(self, now: datetime) -> list[tuple[str, str]]:
        """What the plan begins by now, of what is not due yet."""
        if self._planned_at is None or not timedelta() <= now - self._planned_at < _PLAN_KEEPS:
            self._make_plan(now)
        found = []
        while self._starts and self._starts[0][0] <= now:
            _, job, period = heappop(self._starts)
            found.append((job, period))
        return found

    def _is_next(self, job: str, period: str) -> bool:
        found = self.calendar.next_of(job)
        return found is not None and found.period == period

    def _make_plan(self, now: datetime) -> None:
        coming = self.calendar.until(now + AHEAD)
        waiting = [due for due in self.store.agenda.waiting() if self.knows(due)]
        self.plan = fetch_plan(self.config, waiting, coming, now)
        self._planned_at = now
        self._starts = [
            (self.plan[job, found.period].start_at, job, found.period) for job, found in coming
        ]
        heapify(self._starts)
