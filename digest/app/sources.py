"""Sources for a process that lives long: one budget, answers shared for some hours, in any thread.

One question about one app is asked once, whatever the number of digests that need its answer:
while one of them asks, the others of that app wait for it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from digest.app.parts import phase_client
from digest.phase.budget import Budget
from digest.phase.client import counted_as
from digest.phase.watchdog import open_session
from digest.pipeline import SharedSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import requests

    from digest.config.models import App, Config
    from digest.phase.transport import Outcome

KEPT = 6 * 3600.0
"""Seconds for which an answer is shared by the digests of an app."""

MOST_KEPT = 4096
"""Answers; each is a few kB at most."""


class Answers:
    """What was answered lately, by app and question; the oldest make room."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._kept: OrderedDict[tuple[Any, ...], tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[Any, ...]) -> Any | None:
        """The answer, unless it is too old or was never given."""
        with self._lock:
            found = self._kept.get(key)
            if found is None or self._monotonic() - found[0] > KEPT:
                return None
            return found[1]

    def keep(self, key: tuple[Any, ...], answer: Any) -> None:
        """Keep it for the next who asks."""
        with self._lock:
            now = self._monotonic()
            self._kept[key] = (now, answer)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT or now - next(iter(self._kept.values()))[0] > KEPT:
                self._kept.popitem(last=False)


class LastingSources:
    """Gives the source of an app to one builder at a time, over connections that are kept.

    `heard` is told the server's clock after each use that asked anything, `on_try` how each
    request ended. `monotonic` and `sleep` are what the budget and the retries run on.
    """

    def __init__(
        self,
        config: Config,
        *,
        heard: Callable[[App, datetime | None], None] = lambda _app, _at: None,
        on_try: Callable[[App, Outcome], None] = lambda _app, _outcome: None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._heard = heard
        self._on_try = on_try
        self._monotonic = monotonic
        self._sleep = sleep
        self._answers = Answers(monotonic)
        self._apps: dict[tuple[str, str], threading.Lock] = {}
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []
        self.use(config)

    def use(self, config: Config) -> None:
        """Take the limits of a new config; the budget begins anew only where it has changed."""
        self._limits = config.limits
        budget = getattr(self, "budget", None)
        if budget is None or budget.per_minute != config.limits.requests_per_minute:
            self.budget = Budget(self._monotonic, config.limits.requests_per_minute)

    @contextmanager
    def of(self, app: App, *, shared: bool = True) -> Iterator[SharedSource]:
        """The source of an app, while the block lasts.

        Without `shared` nothing that was answered before counts: the day so far has gone on.
        """
        key = (app.base_url, app.app_id)
        with self._lock:
            lock = self._apps.setdefault(key, threading.Lock())
        with lock, self._session() as session:
            client = phase_client(
                app,
                self._limits,
                self.budget,
                session,
                monotonic=self._monotonic,
                sleep=self._sleep,
                on_try=partial(self._on_try, app),
            )
            try:
                yield SharedSource(client, self._answers if shared else None, key)
            finally:
                if client.requests_made:
                    self._heard(app, client.server_now)

    def used(self, app: App) -> int:
        """How many requests of the last minute count against an app's limit."""
        return self.budget.used(counted_as(app.base_url, app.api_key.get_secret_value()))

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            while self._sessions:
                self._sessions.pop().close()

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        with self._lock:
            session = self._sessions.pop() if self._sessions else open_session()
        try:
            yield session
        finally:
            with self._lock:
                self._sessions.append(session)
