"""What came of the crashes: one result for each scenario, and a table of their sums."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.lab.world import World

_COLUMNS = ("kills", "missed", "runs", "deliveries", "0", "1", "2", "uncertain", "violations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One scenario: how often it was killed (or was done before), and what the oracle says.

    `copies` counts deliveries by their copies, `runs` are all processes that were started.
    """

    sweep: str
    label: str
    kills: int = 0
    missed: int = 0
    runs: int = 0
    copies: Counter[int] = field(default_factory=Counter)
    uncertain: int = 0
    violations: tuple[str, ...] = ()

    def plus(self, other: Result) -> Result:
        """Both as one."""
        return Result(
            sweep=self.sweep,
            label=self.label,
            kills=self.kills + other.kills,
            missed=self.missed + other.missed,
            runs=self.runs + other.runs,
            copies=self.copies + other.copies,
            uncertain=self.uncertain + other.uncertain,
            violations=self.violations + other.violations,
        )

    def row(self) -> dict[str, int]:
        """The numbers of the table."""
        return {
            "kills": self.kills,
            "missed": self.missed,
            "runs": self.runs,
            "deliveries": self.copies.total(),
            "0": self.copies[0],
            "1": self.copies[1],
            "2": sum(count for copies, count in self.copies.items() if copies > 1),
            "uncertain": self.uncertain,
            "violations": len(self.violations),
        }


def result_of(
    world: World,
    jobs: Sequence[str],
    *,
    sweep: str,
    label: str,
    codes: Sequence[int],
    more: Sequence[str] = (),
) -> Result:
    """What became of these digests. `codes` are how the crashed runs ended, `more` is amiss."""
    kills = sum(code < 0 for code in codes)
    return Result(
        sweep=sweep,
        label=label,
        kills=kills,
        missed=len(codes) - kills,
        runs=world.started,
        copies=Counter(count for job in jobs for count in world.copies(job).values()),
        uncertain=sum(count for job in jobs for count in world.uncertain(job).values()),
        violations=(*more, *world.lost(*jobs), *world.violations()),
    )


def table(results: Sequence[Result]) -> str:
    """A line for each sweep, and one for all of them."""
    sweeps = list(dict.fromkeys(result.sweep for result in results))
    width = max(len(name) for name in (*sweeps, "all"))
    lines = [f"{'':{width}}" + "".join(f"{_title(name):>12}" for name in _COLUMNS)]
    for name in (*sweeps, "all"):
        rows = [result.row() for result in results if name in {result.sweep, "all"}]
        sums = (sum(row[column] for row in rows) for column in _COLUMNS)
        lines.append(f"{name:{width}}" + "".join(f"{number:>12,}" for number in sums))
    return "\n".join(lines)


def _title(column: str) -> str:
    return f"{column} copies" if column.isdigit() else column
