"""Fixed windows: so many requests for each name from its first request on."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WINDOW = 60.0
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """Whether a request may pass, how many more may, and whole seconds until it starts anew."""

    allowed: bool
    remaining: int
    seconds: int


@dataclass(slots=True)
class _Window:
    began: float
    count: int = 0


class RateLimiter:
    """Counts requests by name on a clock that only goes forward."""

    def __init__(self, limit: int, monotonic: Callable[[], float]) -> None:
        self.limit = limit
        self._monotonic = monotonic
        self._windows: dict[str, _Window] = {}
        self._lock = threading.Lock()

    def count(self, names: Sequence[str]) -> Ruling:
        """Count one request for each of the names; one name over its limit refuses it."""
        with self._lock:
            now = self._monotonic()
            self._forget(now)
            seen = []
            for name in names:
                window = self._windows.setdefault(name, _Window(now))
                window.count += 1
                seconds = max(1, math.ceil(window.began + WINDOW - now))
                if window.count > self.limit:
                    return Ruling(allowed=False, remaining=0, seconds=seconds)
                seen.append((self.limit - window.count, seconds))
        return Ruling(
            allowed=True,
            remaining=min(remaining for remaining, _ in seen),
            seconds=max(seconds for _, seconds in seen),
        )

    def _forget(self, now: float) -> None:
        over = [name for name, w in self._windows.items() if now - w.began >= WINDOW]
        for name in over:
            del self._windows[name]
