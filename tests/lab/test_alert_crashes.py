"""Case 88 through the command: killed while an alert fires, digest tells each reader of it once."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from digest.core.outbox import OPEN
from digest.core.steps import Step
from tests.lab.launcher import Trap
from tests.lab.world import THREE, World

if TYPE_CHECKING:
    from tests.lab.conftest import Worlds
    from tests.support.commands import Done

KILLED = -signal.SIGKILL
THE_DAY_AFTER = "2026-11-22T10:00:00Z"
MOST_RUNS = 6
SPIKE = {
    "app": "shop",
    "metric": "bounce_rate",
    "window": "day",
    "schedule": {"at": "every day 07:00", "timezone": "UTC"},
    "when": {"above": 60},
    "to": {"mail": list(THREE)},
}


def due(world: World, trap: Trap | None = None) -> Done:
    return world.start("run", "--due", "--now", THE_DAY_AFTER, trap=trap).wait()


def firing(world_of: Worlds, step: Step, turn: int = 1) -> World:
    """A world whose first run dies at a step; then it is run until nothing is open."""
    world = world_of(readers=THREE)
    world.configure(digests={}, alerts={"spike": SPIKE})
    assert due(world, Trap(step=step, turn=turn)).code == KILLED
    said: list[Done] = []
    while not is_told(world):
        assert len(said) < MOST_RUNS, said[-1].said
        said.append(due(world))
    assert world.violations() == []
    return world


def is_told(world: World) -> bool:
    rows = world.books().of("spike")
    return bool(rows) and all(row.state not in OPEN for row in rows)


@pytest.mark.parametrize(
    ("step", "turn"),
    [
        (Step.PLAN_PRE, 1),
        (Step.ALERT_TXN, 1),
        (Step.SNAPSHOT_POST, 1),
        (Step.PLAN_POST, 1),
        (Step.LEASE_POST, 1),
        (Step.SMTP_RCPT, 1),
        (Step.SENT_POST, 2),
    ],
)
def test_case_88_killed_where_nothing_is_at_risk_each_reader_hears_once(
    world_of: Worlds, step: Step, turn: int
) -> None:
    world = firing(world_of, step, turn)

    assert world.copies("spike") == dict.fromkeys(THREE, 1)
    assert {row.period for row in world.books().of("spike")} == {"firing-2026-11-21"}


@pytest.mark.parametrize(("step", "most"), [(Step.ARM_POST, 1), (Step.DOT_POST, 2)])
def test_case_88_killed_at_risk_only_one_reader_may_hear_twice(
    world_of: Worlds, step: Step, most: int
) -> None:
    world = firing(world_of, step)

    copies = world.copies("spike")
    assert sorted(copies.values()) == [1, 1, most]
