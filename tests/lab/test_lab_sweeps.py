"""The sweeps: what they kill, what they count, and that a violation is never overlooked."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from digest.core.outbox import OnUncertain
from digest.core.steps import Step
from tests.lab.crashtest import main, play
from tests.lab.launcher import Trap
from tests.lab.scenarios import Cast, KilledAtSteps, Site, steps_of
from tests.lab.syncs import KilledAtSync, Start
from tests.lab.tally import Result, table
from tests.lab.world import THREE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.conftest import Worlds
    from tests.lab.runner import Starter

MAIL = Cast(name="mail", job="mail", policy=OnUncertain.RESEND)


@pytest.fixture
def site(tmp_path: Path, starter: Starter, phase: str) -> Site:
    return Site(starter=starter, phase=phase, folder=tmp_path)


def test_every_step_of_a_run_is_known(site: Site) -> None:
    reached = {trap.step for trap in steps_of(MAIL, site)}

    elsewhere = {Step.PRUNE_MID, Step.ALERT_TXN}
    assert reached == {step for step in Step if "slack" not in step} - elsewhere


def test_a_kill_at_a_step_is_counted(site: Site) -> None:
    result = KilledAtSteps(cast=MAIL, traps=(Trap(step=Step.DOT_POST),)).play(site)

    assert result.row() | {"runs": 2} == {
        "kills": 1,
        "missed": 0,
        "runs": 2,
        "deliveries": 1,
        "0": 0,
        "1": 0,
        "2": 1,
        "uncertain": 1,
        "violations": 0,
    }
    assert list(site.folder.iterdir()) == []


def test_a_step_that_is_not_reached_is_a_violation(site: Site) -> None:
    result = KilledAtSteps(cast=MAIL, traps=(Trap(step=Step.SLACK_ARMED),)).play(site)

    assert result.violations == ("slack.armed:1 was not reached",)


def test_a_reader_who_is_given_up_though_nobody_refused_is_lost(world_of: Worlds) -> None:
    world = world_of(readers=THREE[:2], mail={"refuse": {THREE[1]: "550 5.1.1 nobody"}})
    assert world.lost("mail") == [
        f"mail to {reader}: the ledger does not have it" for reader in THREE[:2]
    ]

    world.until_done("mail")

    assert world.lost("mail") == [f"mail to {THREE[1]}: failed, though nobody refused it"]
    assert world.violations() == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_every_sync_of_a_run_is_counted_and_can_be_its_last(site: Site) -> None:
    calls, untouched = KilledAtSync(cast=MAIL, start=Start.NOTHING).count(site)
    seen, killed = KilledAtSync(cast=MAIL, start=Start.NOTHING, number=calls - 2).count(site)

    assert calls > 20
    assert (untouched.kills, killed.kills) == (0, 1)
    assert calls - 2 <= seen < calls
    assert killed.violations == ()


@dataclass(frozen=True, slots=True)
class Bad:
    """A scenario that goes wrong."""

    error: Exception | None = None

    def play(self, site: Site) -> Result:
        del site
        if self.error is not None:
            raise self.error
        return Result(sweep="bad", label="bad", kills=1, violations=("a message was lost",))


def test_what_goes_wrong_or_breaks_off_is_a_violation(site: Site) -> None:
    broken = [Bad(), Bad(AssertionError("not done after 8 runs")), Bad(TimeoutError("too long"))]

    found = [result.violations for result in play(site, broken, 2)]

    assert found == [("a message was lost",), ("not done after 8 runs",), ("too long",)]


def test_the_table_sums_up() -> None:
    results = [
        Result(sweep="one", label="", kills=1, runs=2, copies=Counter({1: 3})),
        Result(sweep="one", label="", kills=1, runs=2, copies=Counter({2: 1}), uncertain=1),
        Result(sweep="two", label="", missed=1, runs=1, violations=("lost",)),
    ]

    lines = [line.split() for line in table(results).splitlines()]

    assert lines[1:] == [
        ["one", "2", "0", "4", "4", "0", "3", "1", "1", "0"],
        ["two", "0", "1", "1", "0", "0", "0", "0", "0", "1"],
        ["all", "2", "1", "5", "4", "0", "3", "1", "1", "1"],
    ]


def test_the_crashtest_kills_as_often_as_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "random", "--kills", "2", "--jobs", "1"]) == 0

    assert capsys.readouterr().out.splitlines()[2].split()[:3] == ["random", "times", "2"]
