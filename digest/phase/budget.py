"""The request budget: how many requests may go out in a minute, for the whole process.

Phase counts 300 requests in a minute per key and per client address, refused keys included. One
`Budget` is shared by all clients of a process and keeps below that on both counts.

Own code because a try must fit into two windows at once, must learn how long it would wait
before it waits, and gives the waiting to whoever was handed `sleep`; pyrate-limiter sleeps by
itself and can't take from two buckets in one step.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WINDOW = 60.0
DEFAULT_PER_MINUTE = 200


class Budget:
    """A sliding window of one minute for each name (a host, a key); safe to share by threads.

    `per_minute` is the most requests in any 60 seconds for one name. `clock` is a monotonic
    clock in seconds, the same one that the clients use.
    """

    def __init__(self, clock: Callable[[], float], per_minute: int = DEFAULT_PER_MINUTE) -> None:
        if per_minute < 1:
            raise ValueError(f"a budget allows at least one request a minute, not {per_minute}")
        self.per_minute = per_minute
        self._clock = clock
        self._lock = Lock()
        self._granted: dict[str, deque[float]] = {}

    def take(self, names: Iterable[str], *, at_most: float) -> float | None:
        """Reserve one request that counts for every one of `names`.

        Gives the seconds to wait before sending it, first come first served; None, and nothing
        is reserved, when that would be longer than `at_most` seconds.
        """
        with self._lock:
            now = self._clock()
            windows = [
                self._granted.setdefault(name, deque(maxlen=self.per_minute)) for name in names
            ]
            slot = max([now, *(self._free_from(window) for window in windows if window)])
            if slot - now > at_most:
                return None
            for window in windows:
                window.append(slot)
            return slot - now

    def used(self, names: Iterable[str]) -> int:
        """How many requests of the last minute count for the fullest of these names."""
        with self._lock:
            oldest = self._clock() - WINDOW
            windows = [self._granted.get(name, ()) for name in names]
            return max((sum(at > oldest for at in window) for window in windows), default=0)

    def _free_from(self, window: deque[float]) -> float:
        # never before the last reservation, so that the window stays sorted
        full = len(window) == self.per_minute
        return max(window[-1], window[0] + WINDOW) if full else window[-1]
