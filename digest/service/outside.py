"""What the loop is handed: the time, ways to wait, and whom to tell."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from digest.app import utc_now
from digest.scheduler import AlarmClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from digest.service.wake import Wake


class Alarm(Protocol):
    """Rings at the next due instant."""

    def start(self) -> None:
        """Begin to watch the clock."""
        ...

    def set(self) -> None:
        """Look again at what is due next."""
        ...

    def close(self) -> None:
        """Ring no more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The world as the daemon sees it. `clock` is aware, `monotonic` in seconds.

    `wait` waits until the wake rings, or so many seconds. Every `tick` all is looked at anew,
    whatever rang, because clocks step and machines sleep; every `glance` seconds, whether another
    process wrote into the ledger.
    """

    clock: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    wait: Callable[[Wake, float], object] = lambda wake, seconds: wake.wait(seconds)
    tick: timedelta = timedelta(seconds=30)
    glance: float = 1.0
    alarm: Callable[[Callable[[], None], Callable[[], datetime | None]], Alarm] = AlarmClock
