"""Scenarios: a crash or several, then runs until digest is done, then the oracle.

Each has a world of its own in a new folder, which is kept when something is amiss.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from digest.core.outbox import OnUncertain
from digest.core.steps import Step
from tests.lab.launcher import STEPLOG, Trap
from tests.lab.slack_sink import NO_HISTORY
from tests.lab.tally import Result, result_of
from tests.lab.world import THREE, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.lab.runner import Starter

RISKY = frozenset(
    {
        Step.ARM_POST,
        Step.DOT_POST,
        Step.REPLY_POST,
        Step.SLACK_ARMED,
        Step.SLACK_POSTED,
        Step.SLACK_REPLIED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where scenarios are played: how digest is started, Phase, and a folder for their folders."""

    starter: Starter
    phase: str
    folder: Path

    @contextmanager
    def world(self, **options: Any) -> Iterator[World]:
        """A world in a new folder; the folder goes when all went well."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        with World(folder, self.starter, self.phase, **options) as world:
            yield world
            if not (world.violations() or world.lost(*(row.job for row in world.books().rows))):
                shutil.rmtree(folder)


class Scenario(Protocol):
    """Something to play."""

    def play(self, site: Site) -> Result:
        """Play it, and say what came of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Which digest goes to whom, under which policy."""

    name: str
    job: str
    policy: OnUncertain
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}, {self.policy}"

    def world(self, site: Site, **more: Any) -> AbstractContextManager[World]:
        """A world for it."""
        return site.world(policy=self.policy, **self.options, **more)


def casts() -> list[Cast]:
    """Mail to three, Slack with a chart, Slack without history, and all together; both policies."""
    kinds: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("mail", "mail", {"readers": THREE}),
        ("slack", "charted", {}),
        ("slack without history", "slack", {"slack": {"scopes": NO_HISTORY}}),
        ("mail and slack", "both", {"readers": THREE[:2]}),
    )
    return [
        Cast(name=name, job=job, policy=policy, options=options)
        for name, job, options in kinds
        for policy in OnUncertain
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledAtSteps:
    """Killed at a step; perhaps the next run, too; then no more."""

    cast: Cast
    traps: tuple[Trap, ...]

    def play(self, site: Site) -> Result:
        """See Scenario."""
        with self.cast.world(site) as world:
            codes = [world.run(self.cast.job, trap=trap).code for trap in self.traps]
            world.until_done(self.cast.job)
            where = ", then ".join(f"{trap.step}:{trap.turn}" for trap in self.traps)
            return result_of(
                world,
                [self.cast.job],
                sweep="every step" if len(self.traps) == 1 else "two steps",
                label=f"{self.cast}: {where}",
                codes=codes,
                more=() if codes[0] < 0 else (f"{where} was not reached",),
            )


def steps_of(cast: Cast, site: Site) -> list[Trap]:
    """Every step of an untouched first run, as often as it is reached."""
    with cast.world(site) as world:
        log = world.folder / "steps"
        done = world.run(cast.job, **{STEPLOG: str(log)})
        assert done.code == 0, done.said
        turns: Counter[str] = Counter()
        traps = []
        for name in log.read_text(encoding="utf-8").split():
            turns[name] += 1
            traps.append(Trap(step=Step(name), turn=turns[name]))
        return traps


def every_step(site: Site) -> Iterator[Scenario]:
    """Each step, each time it is reached; and each first one after a crash that left doubt."""
    order = list(Step)
    for cast in casts():
        traps = steps_of(cast, site)
        for trap in traps:
            yield KilledAtSteps(cast=cast, traps=(trap,))
        firsts = [trap for trap in traps if trap.turn == 1]
        for first in firsts:
            if first.step in RISKY:
                for second in firsts:
                    if order.index(second.step) >= order.index(Step.LEASE_POST):
                        yield KilledAtSteps(cast=cast, traps=(first, second))
