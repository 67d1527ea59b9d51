"""Both parts of the soak from their beginning to their end, and what they come to in lines."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.lab.ledger import read_books
from tests.soak.driver import Driver
from tests.soak.growth import grow, growth_of
from tests.soak.ledger import due_rows, folder_entries, told_twice
from tests.soak.life import Lives
from tests.soak.oracle import Evidence, examine
from tests.soak.place import Faults, Place
from tests.soak.steering import Steering

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.lab.runner import Starter
    from tests.soak.growth import Growth
    from tests.soak.oracle import Findings

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """How the eventful part went."""

    days: int
    seed: int
    events: Counter[str]
    findings: Findings
    evidence: Evidence
    seconds: float

    def lines(self) -> list[str]:
        """For people."""
        events, found, copies = self.events, self.findings.counts, self.findings.copies
        more = sum(count for number, count in copies.items() if number > 1)
        parts = {
            "starts": events["starts"],
            "kill -9": events["kills"],
            "SIGTERM": events["stops"],
            "steps of the clock": events["steps"],
            "reloads": events["reloads"],
            "outages": events["outages"],
            "runs by hand": events["by hand"],
        }
        periods = {
            "due": found["due"],
            "without an excuse": found["without an excuse"],
            "sent": found["sent"],
            "late or made up for": found["sent late"],
            "left out": found["left out"],
            "missed": found["missed"],
        }
        each = {
            "0 copies": copies[0],
            "1 copy": copies[1],
            "2 copies": more,
            "uncertain": found["uncertain"],
        }
        return [
            f"{self.days} days, seed {self.seed}, {self.seconds:.0f} s",
            f"  {_words(parts)}",
            f"  periods: {_words(periods)}",
            f"  deliveries: {_words(each)}",
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Long:
    """How the uneventful part went."""

    days: int
    growth: Growth
    seconds: float

    def lines(self) -> list[str]:
        """For people."""
        growth = self.growth
        sizes = {"memory kB": growth.memory, "open files": growth.files, "threads": growth.threads}
        said = ", ".join(f"{what} {a} → {b}" for what, (a, b) in sizes.items())
        return [
            f"{self.days} days in one process, {self.seconds:.0f} s",
            f"  messages {growth.digests}, {said}, ledger {growth.ledger} bytes a message",
        ]


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what} {count}" for what, count in counts.items())


def year(
    folder: Path,
    starter: Starter,
    *,
    days: int,
    kills: int,
    seed: int,
    told: Callable[[datetime, str], None] = lambda _at, _what: None,
) -> Year:
    """So many days with all that can happen, looked at by the oracle."""
    begun = time.monotonic()
    faults = Faults(random.Random(seed + 1))
    with Place(folder=folder, start=START, faults=faults) as place:
        at = Steering(place=place, lives=Lives(starter=starter, place=place))
        Driver(at=at, days=days, kills=kills, seed=seed, told=told).drive()
        journal = [*place.journal.entries(), *folder_entries(folder)]
        left = Evidence(
            history=at.history,
            books=read_books(folder),
            dues=due_rows(folder),
            journal=journal,
            asked=place.phase.asked,
        )
        findings = examine(left)
        findings.violations += told_twice(place.smtp.received)
    return Year(
        days=days,
        seed=seed,
        events=at.history.counts,
        findings=findings,
        evidence=left,
        seconds=time.monotonic() - begun,
    )


def long(folder: Path, starter: Starter, *, days: int) -> Long:
    """So many days in one process."""
    begun = time.monotonic()
    with Place(folder=folder, start=START, faults=Faults(random.Random(0))) as place:
        samples = grow(place, Lives(starter=starter, place=place), days)
    return Long(days=days, growth=growth_of(samples), seconds=time.monotonic() - begun)
