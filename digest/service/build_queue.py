"""What is to be built, in the order of its time, and which of it may start now."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from digest.core.agenda import Due


class BuildQueue:
    """Due periods that wait. Those whose time has come stand in line, one line a server."""

    def __init__(self) -> None:
        self._later: list[tuple[datetime, int]] = []
        self._lines: dict[str, deque[int]] = {}
        self._dues: dict[int, tuple[Due, str]] = {}

    def __len__(self) -> int:
        return len(self._dues)

    def __iter__(self) -> Iterator[Due]:
        return (due for due, _ in self._dues.values())

    @property
    def next_at(self) -> datetime | None:
        """When the time of the next one comes."""
        return self._later[0][0] if self._later else None

    def fill(self, found: Iterable[tuple[Due, str, datetime]]) -> None:
        """Begin anew with these: a due period, its server, and from when it may start."""
        self._later, self._lines, self._dues = [], {}, {}
        for due, server, when in found:
            self.add(due, server, when)

    def add(self, due: Due, server: str, when: datetime) -> None:
        """One more, or one that comes back."""
        self._dues[due.row] = (due, server)
        heappush(self._later, (when, due.row))

    def take(self, now: datetime, has_room: Callable[[str], bool]) -> Iterator[tuple[Due, str]]:
        """Those that start now; `has_room` is asked before each."""
        while self._later and self._later[0][0] <= now:
            _, row = heappop(self._later)
            if row in self._dues:
                self._lines.setdefault(self._dues[row][1], deque()).append(row)
        for server, line in self._lines.items():
            while line and has_room(server):
                found = self._dues.pop(line.popleft(), None)
                if found is not None:
                    yield found
