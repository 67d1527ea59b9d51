"""A clock in a file, shared by the driver and the daemon; it goes on only when it is moved.

True time is what happens to the world. The wall clock is that and an offset: a step of the clock
changes only the offset. Each is one aligned machine word, so no reader sees half of one.
"""

from __future__ import annotations

import math
import mmap
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

_WORDS = 3  # the beginning, how far it is since then, the offset: microseconds
_SIZE = 8 * _WORDS
_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_BOOTED = 1000.0  # seconds that the monotonic clock is ahead of the beginning


class SharedClock:
    """Context manager on a file that `make` wrote."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)
        self._words = memoryview(self._map).cast("q")

    @classmethod
    def make(cls, path: Path, start: datetime) -> Self:
        """A new clock, at `start`."""
        path.write_bytes(bytes(_SIZE))
        clock = cls(path)
        clock._words[0] = (start - _EPOCH) // _TICK
        return clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._words.release()
        self._map.close()

    def true(self) -> datetime:
        """The time as it is."""
        return _EPOCH + _TICK * (self._words[0] + self._words[1])

    def wall(self) -> datetime:
        """The time as this machine has it."""
        return self.true() + self.offset

    def monotonic(self) -> float:
        """Seconds; no step changes them."""
        return _BOOTED + self._words[1] / _SECOND

    @property
    def offset(self) -> timedelta:
        """How far the wall clock is ahead."""
        return _TICK * self._words[2]

    @offset.setter
    def offset(self, by: timedelta) -> None:
        self._words[2] = by // _TICK

    def advance(self, seconds: float) -> None:
        """Let time pass, at least a microsecond."""
        self._words[1] += max(math.ceil(seconds * _SECOND), 1)

    def sleep(self, seconds: float) -> None:
        """What a thread does that waits: the time has passed, and others have had their turn."""
        self.advance(seconds)
        os.sched_yield()
