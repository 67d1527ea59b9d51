"""Sending what waits: when each channel has something to do, and which runs came to their end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from digest.app import ledger as ledgers
from digest.app.trouble import plan_notice
from digest.core.content import DeliveryKind
from digest.errors import StateBusyError, StoreError
from digest.service.lanes import Lanes, lanes_of
from digest.store.reading import Scope

if TYPE_CHECKING:
    from collections.abc import Collection

    from digest.config.models import Config
    from digest.core.agenda import Due
    from digest.outbox.handover import Sends
    from digest.outbox.stopping import Stop
    from digest.service.outside import Outside
    from digest.service.telling import Telling
    from digest.service.wake import Wake
    from digest.store.opened import Store

NOTICE_GAP = timedelta(minutes=10)
"""Between two notices to the operator, so that trouble with many digests is a few messages."""

_AGAIN = timedelta(seconds=5)
_LANE_PAUSE = timedelta(seconds=0.5)


@dataclass(slots=True, kw_only=True)
class Outgoing:
    """The lanes, and what they are to do next. Call `open` first."""

    store: Store
    outside: Outside
    stop: Stop
    telling: Telling
    wake: Wake
    config: Config = field(init=False)
    lanes: Lanes = field(init=False)
    next_at: datetime | None = None
    _look: bool = True
    _quiet_until: datetime | None = None
    _told_at: datetime | None = None
    _lane_times: dict[str, datetime] = field(default_factory=dict)
    _open_runs: set[int] = field(default_factory=set)

    def open(self, config: Config) -> None:
        """Take up a config. Raises StoreError."""
        self.config = config
        ledgers.note_terms(config, self.store)
        if not hasattr(self, "lanes"):
            self.lanes = Lanes(send=self._send, ring=self.wake.ring, lanes={})
            self._open_runs = set(self.store.ledger.open_runs())
        self.lanes.lanes = lanes_of(config)
        self._look = True

    def look(self) -> None:
        """There may be something to send."""
        self._look = True

    def forget_times(self) -> None:
        """The clock has jumped: what was to be waited for by the old one is not."""
        self._quiet_until = None
        self._lane_times = {}
        self._look = True

    def planned(self, due: Due, now: datetime) -> None:
        """A period's deliveries are in the ledger; they go out at its due time."""
        run = self.store.ledger.run(due.job, DeliveryKind.DIGEST, due.period)
        if run is not None:
            self._open_runs.add(run.row)
        if due.due_at <= now:
            self._look = True
        else:
            self.next_at = min(due.due_at, self.next_at or due.due_at)

    def settle(self, now: datetime) -> None:
        """See to the lanes that have ended. Raises StoreError when nothing more may be sent."""
        for error in self.lanes.ended():
            self._look = True
            if error is None:
                continue
            if isinstance(error, StoreError) and not isinstance(error, StateBusyError):
                raise error
            self.telling.lane_broke(error)
            # a full disk or a defect: what waits is tried again, but not at once
            self._quiet_until = now + _AGAIN

    def start(self, now: datetime) -> None:
        """Send over the channels that have something to do now."""
        due = self._look or (self.next_at is not None and self.next_at <= now)
        if self.stop.asked or not due:
            return
        self._look = False
        self._finish_runs(now)
        times = self._times(now)
        ready = [name for name, at in times.items() if at <= now]
        self.lanes.start(ready)
        self._lane_times |= dict.fromkeys(ready, now)
        busy = self.lanes.channels
        self.next_at = min((at for name, at in times.items() if name not in busy), default=None)

    def tell_operator(self, now: datetime) -> None:
        """Plan one notice about what is untold; what comes soon after it waits for the next."""
        recently = self._told_at is not None and timedelta() <= now - self._told_at < NOTICE_GAP
        if self.lanes.busy or recently or not self.config.ops:
            return
        if plan_notice(self.config, self.store, self._sender()):
            self._open_runs |= set(self.store.ledger.open_runs())
            self._look = True
            self._told_at = now
            self.wake.ring()

    def _times(self, now: datetime) -> dict[str, datetime]:
        """From when there is something to do, by channel."""
        held = {hold.channel: hold.until for hold in self.store.ledger.holds()}
        return {
            name: max(
                at or now,
                held.get(name, now),
                self._quiet_until or now,
                # a lane that left something where it was must not run again and again
                self._lane_times.get(name, now - _LANE_PAUSE) + _LANE_PAUSE,
            )
            for name, at in self.store.ledger.next_takes().items()
        }

    def _finish_runs(self, now: datetime) -> None:
        """Tell which runs have come to their end since the last look."""
        still = set(self.store.ledger.open_runs())
        for row in sorted(self._open_runs - still):
            run = self.store.ledger.run_at(row)
            if run is not None:
                self.telling.ended(run, self.store.ledger.counts(row), now)
        self._open_runs = still

    def _send(self, names: Collection[str]) -> None:
        """In a lane's thread."""
        self._sender().send(Scope(runs=None, channels=frozenset(names)))

    def _sender(self) -> Sends:
        return ledgers.sender(self.config, self.store, self.stop, self.outside.clock, patient=False)
