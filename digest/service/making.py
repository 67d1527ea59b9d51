"""What a builder does with one due period: build it and write it down, unless that was done."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.app.making import Maker, Terms
from digest.app.orders import job_of
from digest.app.parts import open_channel
from digest.core.agenda import DueState
from digest.core.periods import parse_period

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from digest.app.sources import LastingSources
    from digest.config.models import Config
    from digest.core.agenda import Due
    from digest.core.content import Channel
    from digest.store.opened import Store

    Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMaker:
    """Makes what is due, by one config. May be used by several threads.

    `turn` is held for what takes the processor.
    """

    config: Config
    store: Store
    sources: LastingSources
    clock: Callable[[], datetime]
    maker: Maker
    turn: Callable[[], AbstractContextManager[None]] = nullcontext

    def make(
        self, due: Due, progress: Progress, is_over: Callable[[], bool] = lambda: False
    ) -> tuple[str, ...]:
        """Build the period and write it down with its readers; gives what is to be told about it.

        Built ahead of its due time, it is sent at that time and says so. Nothing is written when
        `is_over` by then. Raises DigestError.
        """
        ledger = self.store.ledger
        if ledger.was_planned(due.job, due.period):
            self.store.agenda.end(due, DueState.PLANNED, "planned before", self.clock())
            return ()
        digest = self.config.digests[due.job]
        job = job_of(self.config, digest)
        with self.sources.of(self.config.apps[digest.app]) as source:
            built = self.maker.build(
                job,
                parse_period(due.period),
                source=source,
                now=self.clock(),
                progress=progress,
                finds=ledger,
                alerts=self.store,
                turn=self.turn,
            )
        if is_over():
            return ()
        now = self.clock()
        terms = Terms(
            now=now,
            date=max(now, due.due_at),
            deadline=due.deadline,
            not_before=due.due_at if due.due_at > now else None,
        )
        channels: dict[str, Channel] = {}

        def channel(name: str) -> Channel:
            if name not in channels:
                channels[name] = open_channel(self.config, name)
            return channels[name]

        self.maker.plan(built, ledger, channel, terms)
        return built.troubles
