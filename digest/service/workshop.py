"""Building what is due: when each may start, and what becomes of those that fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from digest.app.making import Maker
from digest.core.agenda import GONE, DueState, is_over, missed_because
from digest.service.build_queue import BuildQueue
from digest.service.building import Builders, Turns
from digest.service.judging import judged
from digest.service.making import DueMaker

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from digest.app.sources import LastingSources
    from digest.config.models import Config
    from digest.core.agenda import Due
    from digest.service.building import Ended, Ticket
    from digest.service.outside import Outside
    from digest.service.schedule import Schedule
    from digest.service.telling import Telling
    from digest.service.wake import Wake
    from digest.service.watching import Watching
    from digest.store.opened import Store

_AFTER_THE_SAME = timedelta(seconds=5)


@dataclass(slots=True, kw_only=True)
class Workshop:
    """Keeps the due periods that wait, and builds them. Call `open` first."""

    store: Store
    sources: LastingSources
    outside: Outside
    schedule: Schedule
    watching: Watching
    telling: Telling
    wake: Wake
    builders: Builders = field(init=False)
    _maker: DueMaker = field(init=False)
    _turns: Turns = field(default_factory=Turns)
    _queue: BuildQueue = field(default_factory=BuildQueue)
    _down: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.builders = Builders(
            work=self._build, ring=self.wake.ring, monotonic=self.outside.monotonic
        )

    def open(self, config: Config) -> None:
        """Take up a config."""
        self.sources.use(config)
        self._maker = DueMaker(
            config=config,
            store=self.store,
            sources=self.sources,
            clock=self.outside.clock,
            maker=Maker.of(config),
            turn=self._turns.turn,
        )

    def turn(self) -> AbstractContextManager[None]:
        """A turn to compute, draw and render, which few may do at once."""
        return self._turns.turn()

    @property
    def next_at(self) -> datetime | None:
        """When the next build may start."""
        return self._queue.next_at

    def reconcile(self, now: datetime) -> None:
        """End what the config does not run any more, and what it is too late for."""
        for due in self.store.agenda.waiting():
            if self.builders.is_building(due):
                continue
            if not self.schedule.knows(due):
                self.store.agenda.end(due, DueState.SKIPPED, GONE, now)
            elif is_over(due, now):
                self._miss(due, now)
        self.refill(now)

    def forget_times(self) -> None:
        """The clock has jumped: no server is left alone until a time of the old one."""
        self._down = {}

    def refill(self, now: datetime) -> None:
        """Read anew what waits."""
        self._queue.fill(
            (due, self._server(due), self._when(due, now))
            for due in self.store.agenda.waiting()
            if self.schedule.knows(due) and not self.builders.is_building(due)
        )

    def start(self, now: datetime) -> None:
        """Begin with what may start now."""
        for due, server in self._queue.take(now, self.builders.has_room):
            if is_over(due, now):
                self._miss(due, now)
            elif self._down.get(server, now) > now:
                self._queue.add(due, server, self._down[server])
            elif any(ticket.due.job == due.job for ticket in self.builders.running):
                # a job's periods go out one after the other
                self._queue.add(due, server, now + _AFTER_THE_SAME)
            elif self.store.agenda.claim(due, now):
                self.builders.start(due, server, now)

    def settle(self, now: datetime) -> list[Due]:
        """See to the builds that have ended; gives those that went well.

        Raises StoreError when nothing more may be done.
        """
        done = []
        for ended in self.builders.ended():
            if ended.error is None:
                self._done(ended, now)
                done.append(ended.ticket.due)
            else:
                self._failed(ended.ticket, ended.error, now)
        return done

    def _done(self, ended: Ended, now: datetime) -> None:
        due, server = ended.ticket.due, ended.ticket.server
        self._down.pop(server, None)
        self.watching.end(f"job {due.job}")
        self.watching.end(f"server {server}")
        self.telling.planned(due, ended.seconds, now)

    def _failed(self, ticket: Ticket, error: Exception, now: datetime) -> None:
        due = ticket.due
        verdict = judged(due, error, now)
        self.telling.failed(due, error, verdict)
        if verdict.fatal:
            raise error
        if verdict.down:
            self._down[ticket.server] = verdict.until
        if verdict.tell:
            about = f"server {ticket.server}" if verdict.down else f"job {due.job}"
            self.watching.begin(about, f"{due.job} {due.period} waits: {verdict.reason}")
        self.store.agenda.put_off(
            due, until=verdict.until, reason=verdict.reason, now=now, failed=verdict.failed
        )
        self.refill(now)

    def _miss(self, due: Due, now: datetime) -> None:
        reason = missed_because(due)
        self.store.agenda.end(due, DueState.MISSED, reason, now)
        self.watching.end(f"job {due.job}")
        self.telling.missed(due, reason)

    def _when(self, due: Due, now: datetime) -> datetime:
        """From when a due period may be built."""
        when = due.next_try or self.schedule.start_of(due)
        return max(when, due.ready_at, self._down.get(self._server(due), now))

    def _server(self, due: Due) -> str:
        return self.watching.server_of(self.schedule.config, due.job)

    def _build(self, ticket: Ticket) -> None:
        """In a builder's thread."""
        due = ticket.due
        with self.telling.context(due):
            told = self._maker.make(due, ticket.progress, lambda: ticket.over)
        name = f"template {due.job}"
        for sentence in told:
            self.watching.begin(name, sentence)
        if not told:
            self.watching.end(name)
