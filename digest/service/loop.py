"""The daemon's loop: looks at what is due, starts builders and lanes, says when to come again.

All decisions come from the ledger and pure functions of the time; the parts only keep in memory
what they would read there again. One thread goes round; builders and lanes ring when they end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.service.alert_watch import AlertWatch
from digest.service.outgoing import Outgoing
from digest.service.schedule import Schedule
from digest.service.watching import Watching
from digest.service.workshop import Workshop
from digest.store import upkeep

if TYPE_CHECKING:
    from datetime import datetime

    from digest.app.sources import LastingSources
    from digest.config.models import Config
    from digest.outbox.stopping import Stop
    from digest.service.building import Builders
    from digest.service.calendar import Calendar
    from digest.service.lanes import Lanes
    from digest.service.outside import Outside
    from digest.service.telling import Telling
    from digest.service.wake import Wake
    from digest.store.opened import Store


@dataclass(slots=True, kw_only=True)
class Loop:
    """Everything that happens between the start and the stop. Call `open` first, then `tick`."""

    store: Store
    sources: LastingSources
    stop: Stop
    outside: Outside
    wake: Wake
    telling: Telling
    config: Config = field(init=False)
    watching: Watching = field(init=False)
    schedule: Schedule = field(init=False)
    workshop: Workshop = field(init=False)
    outgoing: Outgoing = field(init=False)
    alerts: AlertWatch = field(init=False)
    _is_open: bool = False
    _reconciled: float | None = None

    def __post_init__(self) -> None:
        self.watching = Watching(store=self.store, outside=self.outside)
        self.schedule = Schedule(store=self.store, telling=self.telling)
        self.workshop = Workshop(
            store=self.store,
            sources=self.sources,
            outside=self.outside,
            schedule=self.schedule,
            watching=self.watching,
            telling=self.telling,
            wake=self.wake,
        )
        self.outgoing = Outgoing(
            store=self.store,
            outside=self.outside,
            stop=self.stop,
            telling=self.telling,
            wake=self.wake,
        )
        self.alerts = AlertWatch(
            store=self.store,
            sources=self.sources,
            outside=self.outside,
            watching=self.watching,
            telling=self.telling,
            wake=self.wake,
            workshop=self.workshop,
        )

    @property
    def builders(self) -> Builders:
        """What is being built."""
        return self.workshop.builders

    @property
    def lanes(self) -> Lanes:
        """What is being sent."""
        return self.outgoing.lanes

    @property
    def calendar(self) -> Calendar:
        """What comes next."""
        return self.schedule.calendar

    def open(self, config: Config) -> None:
        """Take up a config: at the start, and again after a reload. Raises StoreError."""
        now = self.outside.clock()
        # by a clock that is wrong, all would be new or long ago
        self._is_open = self.watching.is_sane(now)
        self.config = config
        self.schedule.open(config, now, keep=self._is_open)
        self.workshop.open(config)
        self.outgoing.open(config)
        if self._is_open:
            self.alerts.open(config, now)
        self._reconciled = None

    def tick(self) -> datetime:
        """Do what is to be done now; gives the instant of the next round.

        Raises StoreError when nothing more may be done.
        """
        now = self.outside.clock()
        jumped = self.watching.look(now)
        if jumped:
            self.workshop.forget_times()
            if self._is_open:
                self.alerts.forget_times()
            self.outgoing.forget_times()
        anew = jumped or self._is_time_to_reconcile()
        for due in self.workshop.settle(now):
            self.outgoing.planned(due, now)
        if self.alerts.settle(now):
            self.outgoing.look()
        self.outgoing.settle(now)
        if self.watching.is_sane(now):
            self._do_what_is_due(now, anew=anew)
        if anew:
            self._reconciled = self.outside.monotonic()
            self.outgoing.look()
        self.outgoing.start(now)
        self.outgoing.tell_operator(now)
        self.telling.round(self, now)
        return self._next(now)

    def _do_what_is_due(self, now: datetime, *, anew: bool) -> None:
        if not self._is_open:
            self.open(self.config)
        noted = self.schedule.note(now)
        if anew:
            self.store.recover_dead()
            self.workshop.reconcile(now)
            self.watching.reconcile(now)
            before = now - self.config.delivery.retention
            upkeep.purge_when_due(self.store.writer, before, now)
        elif noted:
            self.workshop.refill(now)
        self.workshop.start(now)
        self.alerts.start(now)

    def _is_time_to_reconcile(self) -> bool:
        return (
            self._reconciled is None
            or self.outside.monotonic() - self._reconciled >= self.outside.tick.total_seconds()
        )

    def _next(self, now: datetime) -> datetime:
        times = [self.outgoing.next_at]
        if self.builders.patience is not None:
            times.append(now + timedelta(seconds=self.builders.patience))
        if self.watching.is_sane(now):
            times += [self.schedule.next_at, self.workshop.next_at, self.alerts.next_at]
        return min([now + self.outside.tick, *(at for at in times if at is not None)])
