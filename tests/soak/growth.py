"""One process for a long time, with nothing amiss: does it grow?"""

from __future__ import annotations

import socket
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean
from typing import TYPE_CHECKING

from tests.soak.jobs import first_jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.soak.life import Life, Lives, Size
    from tests.soak.place import Place

MOST = 10_000
"""kB that 1,000 digests may add (docs: goal 7)."""

_WARM_UP = 0.1  # of the samples
_FEW = 3  # open files and threads come and go


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """At rest, after so many digests; `ledger` is its file's size in bytes."""

    digests: int
    size: Size
    ledger: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The first quarter of the samples against the last one, after warming up."""

    digests: int
    memory: tuple[int, int]
    files: tuple[int, int]
    threads: tuple[int, int]
    ledger: int

    def violations(self) -> list[str]:
        """What grew; empty is good."""
        found = []
        added = (self.memory[1] - self.memory[0]) / max(self.digests, 1) * 1000
        if added > MOST and self.memory[1] - self.memory[0] > MOST / 4:
            found.append(f"memory grew by {added:.0f} kB in 1,000 digests")
        if self.files[1] > self.files[0] + _FEW:
            found.append(f"open files grew from {self.files[0]} to {self.files[1]}")
        if self.threads[1] > self.threads[0] + _FEW:
            found.append(f"threads grew from {self.threads[0]} to {self.threads[1]}")
        return found


def grow(place: Place, lives: Lives, days: int) -> list[Sample]:
    """Let a daemon live for so many days; a sample for each. Somebody looks at its page daily."""
    place.configure(first_jobs(place.start.year))
    with socket.create_server(("127.0.0.1", 0)) as free:
        lives.web = f"127.0.0.1:{free.getsockname()[1]}"
    life = lives.begin()
    found = []
    try:
        for day in range(1, days + 1):
            _until(place, life, day)
            for page in ("metrics", ""):
                with urllib.request.urlopen(f"http://{lives.web}/{page}", timeout=10) as answer:
                    answer.read()
            found.append(
                Sample(
                    digests=len(place.journal.entries()),
                    size=life.size(),
                    ledger=(place.folder / "digest.db").stat().st_size,
                )
            )
    finally:
        done = life.stop()
    assert done.code == 0, done.said
    return found


def _until(place: Place, life: Life, day: int) -> None:
    end = place.start + timedelta(days=day)
    while (left := (end - place.clock.true()).total_seconds()) > 0:
        seconds = life.idle()
        assert seconds is not None, "the daemon ended by itself"
        place.clock.advance(min(seconds, left))
        life.go()
    life.idle()


def growth_of(samples: Sequence[Sample]) -> Growth:
    """What came of it."""
    warm = samples[int(len(samples) * _WARM_UP) :]
    quarter = max(len(warm) // 4, 1)
    first, last = warm[:quarter], warm[-quarter:]
    digests = last[-1].digests - first[0].digests
    return Growth(
        digests=digests,
        memory=_both(first, last, "memory"),
        files=_both(first, last, "files"),
        threads=_both(first, last, "threads"),
        ledger=round((last[-1].ledger - first[0].ledger) / max(digests, 1)),
    )


def _both(first: Sequence[Sample], last: Sequence[Sample], what: str) -> tuple[int, int]:
    before, after = (
        round(fmean(getattr(one.size, what) for one in some)) for some in (first, last)
    )
    return before, after
