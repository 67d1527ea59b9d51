"""What the driver did, for the oracle: when the daemon was up, by which clock and which config."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.soak.jobs import Job

FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """A job as the config had it, from one instant by the wall clock to another."""

    job: Job
    start: datetime
    end: datetime = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """The daemon was up, true time; its clock was ahead by `offset`."""

    start: datetime
    end: datetime
    offset: timedelta

    def first(self, wall: datetime) -> datetime | None:
        """The first instant, true time, at which its clock showed that time or later."""
        reached = max(self.start, wall - self.offset)
        return reached if reached < self.end else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Something was amiss, true time."""

    what: str
    start: datetime
    end: datetime = FOREVER


@dataclass(slots=True, kw_only=True)
class History:
    """Grows while the driver drives. `starts` are instants by the wall clock, also of lives that
    were killed before they came to rest; `amiss` are sentences about what must not be.
    """

    eras: list[Era] = field(default_factory=list)
    ups: list[Up] = field(default_factory=list)
    starts: list[datetime] = field(default_factory=list)
    faults: list[Spell] = field(default_factory=list)
    excused: list[Spell] = field(default_factory=list)
    by_hand: list[tuple[str, datetime]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    amiss: list[str] = field(default_factory=list)
    end: datetime = FOREVER

    def config_is(self, jobs: Mapping[str, Job], wall: datetime) -> None:
        """The daemon has taken these up."""
        running = {era.job.name: number for number, era in enumerate(self.eras) if _runs(era)}
        for name, number in running.items():
            era = self.eras[number]
            if jobs.get(name) != era.job:
                self.eras[number] = Era(job=era.job, start=era.start, end=wall)
        for name, job in jobs.items():
            if name not in running or self.eras[running[name]].job != job:
                self.eras.append(Era(job=job, start=wall))

    def began(self, what: str, at: datetime) -> None:
        """A server began to fail."""
        self.faults.append(Spell(what=what, start=at))

    def ended(self, what: str, at: datetime) -> None:
        """It works again."""
        for number, spell in enumerate(self.faults):
            if spell.what == what and spell.end == FOREVER:
                self.faults[number] = Spell(what=what, start=spell.start, end=at)


def _runs(era: Era) -> bool:
    return era.end == FOREVER
