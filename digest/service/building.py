"""Building in threads: a few at once for each server, and none that hangs holds up the others."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from digest.core.agenda import Due

MOST_AT_ONCE = 16
"""Builds of all servers together."""

MOST_A_SERVER = 8
"""Builds that ask one server: with answers that take a second, 300 requests a minute need five."""

MOST_WORKING = 2
"""Builds that compute, draw and render; the others ask or wait, so that the rest of us keeps up."""

LONGEST_TURN = 120.0
"""Seconds that a build waits for its turn to work, then it goes on without one."""

LONGEST = 900.0
"""Seconds after which a build is given up; its thread may still hang somewhere."""

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Ticket:
    """One build that is under way. Once it is `over`, nothing of it may be written down."""

    due: Due
    server: str
    since: datetime
    started: float
    over: bool = False
    step: str = ""

    def progress(self, what: str, number: int, total: int) -> None:
        """Told by the build itself, for people who look."""
        self.step = f"{what}, {number} of {total}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A build that ended, and the error that it ended with."""

    ticket: Ticket
    error: Exception | None
    seconds: float


class Turns:
    """Lets few work at a time. Who waits too long works, too: what hangs must not stop the rest."""

    def __init__(self, at_once: int = MOST_WORKING, longest: float = LONGEST_TURN) -> None:
        self._free = threading.Semaphore(at_once)
        self._longest = longest

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Work while the block lasts."""
        has_one = self._free.acquire(timeout=self._longest)
        try:
            yield
        finally:
            if has_one:
                self._free.release()


@dataclass(slots=True, kw_only=True)
class Builders:
    """Runs `work` for each ticket in a thread of its own, and rings when one ends."""

    work: Callable[[Ticket], None]
    ring: Callable[[], None]
    monotonic: Callable[[], float]
    longest: float = LONGEST
    _running: dict[int, Ticket] = field(default_factory=dict)
    _ended: SimpleQueue[Ended] = field(default_factory=SimpleQueue)

    @property
    def running(self) -> list[Ticket]:
        """What is being built."""
        return list(self._running.values())

    @property
    def patience(self) -> float | None:
        """Seconds until the first of what is being built is given up; None when nothing is."""
        if not self._running:
            return None
        oldest = min(ticket.started for ticket in self.running)
        return max(oldest + self.longest - self.monotonic(), 0.0)

    def has_room(self, server: str) -> bool:
        """Whether one more may start that asks this server."""
        busy = Counter(ticket.server for ticket in self._running.values())
        return busy.total() < MOST_AT_ONCE and busy[server] < MOST_A_SERVER

    def is_building(self, due: Due) -> bool:
        """Whether this one is under way."""
        return due.row in self._running

    def start(self, due: Due, server: str, now: datetime) -> None:
        """Build it in the background."""
        ticket = Ticket(due=due, server=server, since=now, started=self.monotonic())
        self._running[due.row] = ticket
        # not a pool's thread: one that hangs must not keep the process from ending
        name = f"digest-build-{due.job}"
        threading.Thread(target=self._run, args=(ticket,), name=name, daemon=True).start()

    def ended(self) -> list[Ended]:
        """What has ended since the last call, with what took too long."""
        found = []
        while True:
            try:
                one = self._ended.get_nowait()
            except Empty:
                break
            if self._running.get(one.ticket.due.row) is one.ticket:  # not given up before
                found.append(one)
                del self._running[one.ticket.due.row]
        now = self.monotonic()
        for ticket in self.running:
            if now - ticket.started >= self.longest:
                ticket.over = True
                said = TimeoutError(f"building it took more than {self.longest / 60:.0f} minutes")
                found.append(Ended(ticket=ticket, error=said, seconds=now - ticket.started))
                del self._running[ticket.due.row]
        return found

    def give_up(self) -> None:
        """The process ends: nothing of what is under way is written down any more."""
        for ticket in self.running:
            ticket.over = True
        self._running.clear()

    def _run(self, ticket: Ticket) -> None:
        error: Exception | None = None
        try:
            self.work(ticket)
        except Exception as caught:  # noqa: BLE001 — judged by the loop
            error = caught
        seconds = self.monotonic() - ticket.started
        self._ended.put(Ended(ticket=ticket, error=error, seconds=seconds))
        self.ring()
