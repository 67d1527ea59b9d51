"""The daemon's life: it is ready when all is good, goes round, reloads, and stops in order."""

from __future__ import annotations

import logging
import math
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.app.parts import place_of
from digest.app.sources import LastingSources
from digest.config.redaction import secrets_of
from digest.errors import DigestError, StateBusyError, StoreError
from digest.outbox.stopping import Stop
from digest.service.heartbeat import Heartbeat
from digest.service.limits import allow_many_files
from digest.service.loop import Loop
from digest.service.notify import Notifier
from digest.service.outside import Outside
from digest.service.reloading import Reloads
from digest.service.signals import Asked, heard
from digest.service.telling import Telling
from digest.service.wake import Wake
from digest.store import opening
from digest.store.lock import DAEMON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from digest.config.models import App, Config
    from digest.service.logs import Log
    from digest.store.opened import Store

_PAUSE = timedelta(seconds=5)
_LEAVE = 5.0  # seconds beyond the grace that lanes may take to write down what they know

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Daemon:
    """One life of `digest serve`. `watch` is called once with the loop, before it goes round."""

    path: Path | None
    env: Mapping[str, str]
    log: Log | None = None
    outside: Outside = field(default_factory=Outside)
    watch: Callable[[Daemon, ExitStack], None] = lambda _daemon, _closing: None
    config: Config = field(init=False)
    loop: Loop = field(init=False)
    telling: Telling = field(default_factory=Telling)
    started: datetime = field(init=False)
    reloads: Reloads = field(init=False)
    broken: str = ""
    is_up: bool = False
    stopping: bool = False
    went_round: float = 0.0
    heartbeat: Heartbeat | None = None
    wake: Wake = field(default_factory=Wake)
    asked: Asked = field(default_factory=Asked)
    _stop: Stop = field(default_factory=Stop)
    _alive_at: float = -math.inf

    def run(self) -> None:
        """Live until a signal says to stop.

        Raises ConfigError, StateRefusedError, StateBusyError when it can't start, UsageError for
        a web address that can't be used, StoreError when nothing more may be sent.
        """
        self.started = self.outside.clock()
        self.went_round = self.outside.monotonic()
        self.reloads = Reloads(
            path=self.path, env=self.env, clock=self.outside.clock, loaded=self.started
        )
        allow_many_files()
        notifier = Notifier(self.env, pid=os.getpid())
        with ExitStack() as closing:
            closing.enter_context(heard(self.wake, self.asked))
            config = self.reloads.read()
            store = closing.enter_context(self._open(config))
            sources = LastingSources(
                config,
                heard=self._heard,
                on_try=lambda app, outcome: self.telling.asked(app.name, outcome),
                monotonic=self.outside.monotonic,
                sleep=self.outside.sleep,
            )
            closing.callback(sources.close)
            self.loop = Loop(
                store=store,
                sources=sources,
                stop=self._stop,
                outside=self.outside,
                wake=self.wake,
                telling=self.telling,
            )
            store.ledger.ended = self.telling.delivery
            self._take_up(config)
            alarm = self.outside.alarm(self.wake.ring, lambda: self.loop.calendar.soonest)
            self.watch(self, closing)
            self.reloads.write_note(place_of(config))
            alarm.start()
            closing.callback(alarm.close)
            logger.info("started: %s", self.words(), extra={"action": "service_started"})
            self._go_round(notifier, alarm.set)
            notifier.stopping("finishing what is under way")
            self._finish()
            logger.info("stopped", extra={"action": "service_stopped"})

    def words(self) -> str:
        """How things stand, in one line."""
        loop = self.loop
        parts = [f"{len(self.config.digests)} digests"]
        if self.config.alerts:
            parts[0] += f" and {len(self.config.alerts)} alerts"
        if loop.builders.running:
            parts.append(f"building {', '.join(t.due.job for t in loop.builders.running[:3])}")
        if loop.lanes.busy:
            parts.append(f"sending over {', '.join(sorted(loop.lanes.channels)[:3])}")
        soonest = loop.calendar.soonest
        if soonest is not None:
            parts.append(f"next is due {soonest:%a %d %b %H:%M} UTC")
        if self.reloads.problems:
            parts.append("the config could not be reloaded")
        if self.broken:
            parts.append(self.broken)
        return "; ".join(parts)

    # Start

    def _open(self, config: Config) -> Store:
        clock = self.outside.clock
        return opening.open_sender(place_of(config), command=DAEMON, clock=clock)

    def _take_up(self, config: Config) -> None:
        if self.log is not None:
            self.log.hide(secrets_of(config))
        try:
            self.loop.open(config)
        except StateBusyError:
            if self.is_up:  # with the old config there is nothing to be written
                self.loop.open(self.config)
            raise
        self.config, self.is_up = config, True
        if self.telling.metrics is not None:
            self.telling.metrics.keep_jobs(config.digests)
        beat = config.heartbeat
        self.heartbeat = (
            None if beat is None else Heartbeat(beat.url.get_secret_value(), beat.every)
        )

    def _heard(self, app: App, server_now: datetime | None) -> None:
        self.loop.watching.heard(app, server_now)

    # Rounds

    def _go_round(self, notifier: Notifier, set_alarm: Callable[[], None]) -> None:
        soonest = None
        known = False
        while not self.asked.stops:
            if self.asked.take_reload():
                notifier.reloading("reading the config again")
                self._reload()
                known = False
            until = self._tick()
            if self.loop.calendar.soonest != soonest:
                soonest = self.loop.calendar.soonest
                set_alarm()
            if known:
                notifier.status(self.words())
            else:  # said again until systemd has it
                known = notifier.ready(self.words()) or not notifier.listening
            self._wait(until, notifier)

    def _tick(self) -> datetime:
        """One round; what breaks in it is said, and tried again."""
        try:
            until = self.loop.tick()
        except StateBusyError as error:
            self._broke(str(error))
        except StoreError:
            raise
        except DigestError as error:
            self._broke(str(error))
        except Exception as error:
            self._broke(f"internal error ({type(error).__name__}); this is a defect of digest")
            logger.debug("it broke here", exc_info=error)
        else:
            self._mended()
            return until
        return self.outside.clock() + _PAUSE

    def _broke(self, said: str) -> None:
        """Said once, however often the same breaks the next rounds."""
        if said != self.broken:
            logger.error("%s", said, extra={"action": "round_broke"})
        self.broken = said

    def _mended(self) -> None:
        if self.broken:
            logger.info("it goes on", extra={"action": "round_mended"})
        self.broken = ""

    def _wait(self, until: datetime, notifier: Notifier) -> None:
        """Until the next round, or until somebody rings; other writers are noticed meanwhile."""
        monotonic = self.outside.monotonic
        end = monotonic() + (until - self.outside.clock()).total_seconds()
        while not self.asked.stops and not self.asked.reload:
            self.went_round = self.outside.monotonic()
            self._sign_of_life(notifier)
            self._beat()
            # a wall clock that is set back must not put the next round off
            left = min((until - self.outside.clock()).total_seconds(), end - monotonic())
            pause = min(left, self.outside.glance, (notifier.watchdog_every or math.inf) / 2)
            if left <= 0 or self.outside.wait(self.wake, pause):
                return
            if self.loop.store.changed():
                self.loop.outgoing.look()
                return

    def _sign_of_life(self, notifier: Notifier) -> None:
        now, every = self.outside.monotonic(), notifier.watchdog_every
        if every is not None and now - self._alive_at >= every / 2:
            self._alive_at = now
            notifier.alive()

    def _beat(self) -> None:
        if self.heartbeat is not None:
            ok = not self.broken and not self.loop.watching.cut_off
            self.heartbeat.beat(ok=ok, now=self.outside.monotonic())

    # Reload

    def _reload(self) -> None:
        """Take up the config anew; a broken one leaves the old one in use."""
        good = self.reloads.reload(self.config, self._take_up)
        if good:
            self.loop.watching.end("config")
        else:
            sentence = "The config was not reloaded, the old one is in use: "
            self.loop.watching.begin("config", sentence + self.reloads.problems[0])
        if self.telling.metrics is not None:
            self.telling.metrics.config_reloaded(ok=good)
        self.reloads.write_note(place_of(self.config))

    # Stop

    def _finish(self) -> None:
        """Hand back what is not at risk, wait for what is, within the grace."""
        self.stopping = True
        self._stop.ask()
        loop, begun = self.loop, self.outside.monotonic()
        loop.builders.give_up()
        loop.alerts.give_up()
        while loop.lanes.busy and self.outside.monotonic() - begun < self._stop.grace + _LEAVE:
            if self.asked.stops > 1 and not self._stop.now:
                self._stop.ask()
            self.outside.wait(self.wake, 0.2)
            for error in loop.lanes.ended():
                if error is not None:
                    self.telling.lane_broke(error)
