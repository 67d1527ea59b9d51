"""Looking at alerts in the daemon: each app's in a thread of its own, when their time has come."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from digest.app.alert_changes import for_operator
from digest.app.alert_rounds import Outcome, Rounds, rounds_of
from digest.app.forecast import server_of
from digest.config.buckets import due_buckets, next_look
from digest.errors import PutOffError, StateBusyError, StoreError
from digest.service.alert_clock import AlertClock
from digest.service.judging import judged_look

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from digest.app.sources import LastingSources
    from digest.config.models import Config
    from digest.core.alert_round import Judged
    from digest.service.judging import Judgement
    from digest.service.outside import Outside
    from digest.service.telling import Telling
    from digest.service.wake import Wake
    from digest.service.watching import Watching
    from digest.service.workshop import Workshop
    from digest.store.opened import Store

MOST_AT_ONCE = 4
"""Apps that are looked at together; each app's alerts take one look."""

LONGEST = 900.0
"""Seconds after which a look is given up."""

_LOST = "another process judged it meanwhile, or what it says is in the ledger already"

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Look:
    """A look that is under way, by the config of its `rounds`.

    Once it is `over`, nothing of it may be written down.
    """

    app: str
    names: tuple[str, ...]
    rounds: Rounds
    started: float
    over: bool = False


@dataclass(slots=True, kw_only=True)
class AlertWatch:
    """Keeps the time of each alert's next look, and looks. Call `open` first.

    An alert's next look is in the heap, or waits for its app's turn once its time has come.
    """

    store: Store
    sources: LastingSources
    outside: Outside
    watching: Watching
    telling: Telling
    wake: Wake
    workshop: Workshop
    config: Config = field(init=False)
    rounds: Rounds = field(init=False)
    _heap: list[tuple[datetime, str]] = field(default_factory=list)
    _waiting: dict[str, dict[str, datetime]] = field(default_factory=dict)
    _running: dict[str, _Look] = field(default_factory=dict)
    _ended: SimpleQueue[tuple[_Look, Outcome | None, Exception | None]] = field(
        default_factory=SimpleQueue
    )
    _tries: dict[str, int] = field(default_factory=dict)
    _clock: AlertClock = field(init=False)

    def __post_init__(self) -> None:
        self._clock = AlertClock(watching=self.watching)

    def open(self, config: Config, now: datetime) -> None:
        """Take up a config: what its alerts missed meanwhile is looked at now."""
        held = self.store.alerts.states()
        watched = {name: alert for name, alert in config.alerts.items() if alert.enabled}
        self._forget([n for n, one in held.items() if n not in watched and one.looked_at], now)
        rounds = rounds_of(config, self.store, self.outside.clock, self.workshop.turn)
        self.config, self.rounds, self._heap, self._waiting = config, rounds, [], {}
        self._clock.open(held, (name for name, one in watched.items() if one.is_partial), now)
        busy = {name for look in self._running.values() for name in look.names}
        for name in watched.keys() - busy:
            judged = None if name not in held else held[name].state.judged
            due = bool(due_buckets(watched[name], judged, now))
            self._put(name, now if due else next_look(watched[name], now))

    @property
    def next_at(self) -> datetime | None:
        """When another look's time comes; what waits for a turn begins whenever one ends."""
        return self._heap[0][0] if self._heap else None

    @property
    def running(self) -> list[str]:
        """The apps that are being looked at."""
        return list(self._running)

    @property
    def next_looks(self) -> dict[str, datetime]:
        """When each alert is looked at next; one that is being looked at is not there."""
        waiting = {name: at for names in [*self._waiting.values()] for name, at in [*names.items()]}
        return waiting | {name: at for at, name in self._heap.copy()}

    def start(self, now: datetime) -> None:
        """Begin the looks whose time has come: of an app together, of so many apps at once."""
        self._clock.look(now)
        while self._heap and self._heap[0][0] <= now:
            at, name = heappop(self._heap)
            self._waiting.setdefault(self._app(name), {})[name] = at
        free = (app for app in self._waiting if app not in self._running)
        for app in list(islice(free, MOST_AT_ONCE - len(self._running))):
            look = self._running[app] = _Look(
                app=app,
                names=tuple(self._waiting.pop(app)),
                rounds=self.rounds,
                started=self.outside.monotonic(),
            )
            threading.Thread(
                target=self._work, args=(look,), name=f"digest-alerts-{app}", daemon=True
            ).start()

    def settle(self, now: datetime) -> bool:
        """See to the looks that have ended; whether any of them has something to send.

        Raises StoreError when nothing more may be done.
        """
        said = False
        while True:
            try:
                look, outcome, error = self._ended.get_nowait()
            except Empty:
                break
            if self._running.get(look.app) is not look:
                continue
            del self._running[look.app]
            if error is not None:
                self._broke(look, error, now)
            elif outcome is not None:
                said = self._done(look, outcome, now) or said
        for look in list(self._running.values()):
            if self.outside.monotonic() - look.started >= LONGEST:
                look.over = True
                del self._running[look.app]
                self._broke(look, TimeoutError("looking at it took more than 15 minutes"), now)
        return said

    def forget_times(self) -> None:
        """The clock has jumped: every alert's next look is reckoned anew."""
        self.open(self.config, self.outside.clock())

    def give_up(self) -> None:
        """The process ends: nothing of what is under way is written down any more."""
        for look in self._running.values():
            look.over = True
        self._running.clear()

    def _done(self, look: _Look, outcome: Outcome, now: datetime) -> bool:
        failed = dict(outcome.failed)
        if outcome.lost:
            failed = dict.fromkeys(look.names, PutOffError(_LOST)) | failed
        watched = [name for name in look.names if self._is_watched(name)]
        # their next looks come first: whatever else breaks here, they are looked at again
        for name in watched:
            if name not in failed:
                self._tries.pop(name, None)
                self._put(name, next_look(self.config.alerts[name], now))
        self._failed(look, {n: failed[n] for n in watched if n in failed}, now)
        self.watching.end(self._server(look))
        for one in outcome.judged:
            self._told(one)
        for message in outcome.told:
            self.telling.alert_planned(message)
        for sentence in outcome.troubles:
            self.watching.begin(f"template {look.app} alerts", sentence)
        if outcome.told and not outcome.troubles:
            self.watching.end(f"template {look.app} alerts")
        self._forget([name for name in look.names if name not in watched], now)
        return bool(outcome.told)

    def _told(self, one: Judged) -> None:
        """What the operator should know of a look that was written down."""
        self.telling.judged(one)
        said = for_operator(one)
        if said:
            self.watching.begin(f"alert {one.rule.name}", said)
        elif not one.verdict.state.missing_told:
            self.watching.end(f"alert {one.rule.name}")

    def _broke(self, look: _Look, error: Exception, now: datetime) -> None:
        """Nothing came of it, for any of its alerts. Raises StoreError when that is fatal."""
        if isinstance(error, StoreError) and not isinstance(error, StateBusyError):
            raise error
        self._failed(look, {n: error for n in look.names if self._is_watched(n)}, now)

    def _failed(self, look: _Look, errors: Mapping[str, Exception], now: datetime) -> None:
        """They could not be looked at: tried again soon, and told when that goes on."""
        verdicts = {name: self._put_off(name, error, now) for name, error in errors.items()}
        for name, verdict in verdicts.items():
            if verdict.failed:
                self.telling.not_looked(name, verdict.reason, verdict.until)
            if verdict.tell:
                about = self._server(look) if verdict.down else f"alert {name}"
                said = f"The alert {name} could not be looked at: {verdict.reason}"
                self.watching.begin(about, said)

    def _put_off(self, name: str, error: Exception, now: datetime) -> Judgement:
        """When it is looked at again, which is noted."""
        tries = self._tries.get(name, 0) + 1
        verdict = judged_look(error, tries, now, next_look(self.config.alerts[name], now))
        if verdict.failed:
            self._tries[name] = tries
        self._put(name, verdict.until)
        logger.debug("a look at %s ended here", name, exc_info=error)
        return verdict

    def _forget(self, names: list[str], now: datetime) -> None:
        """They are watched no more."""
        if names:
            self.store.alerts.forget(names, now)
        for name in names:
            self._tries.pop(name, None)
            self.watching.end(f"alert {name}")

    def _put(self, name: str, at: datetime | None) -> None:
        if at is not None:
            heappush(self._heap, (at, name))

    def _is_watched(self, name: str) -> bool:
        return name in self.config.alerts and self.config.alerts[name].enabled

    def _app(self, name: str) -> str:
        return self.config.alerts[name].app

    def _server(self, look: _Look) -> str:
        return f"server {server_of(look.rounds.config.apps[look.app].base_url)}"

    def _work(self, look: _Look) -> None:
        """In a thread."""
        try:
            app = look.rounds.config.apps[look.app]
            with self.sources.of(app, shared=False) as source:
                outcome = look.rounds.look(look.app, look.names, source, lambda: look.over)
        except Exception as error:  # noqa: BLE001 — judged by the loop
            self._ended.put((look, None, error))
        else:
            self._ended.put((look, outcome, None))
        self.wake.ring()
