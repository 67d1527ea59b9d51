"""The launcher and the fork server: the same command, killed where it was asked for."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from digest import __version__
from digest.core.steps import Step
from digest.store import schema
from tests.lab.launcher import CRASHMODE, CRASHPOINT, STEPLOG, Mode, Trap, Watch, trap_of
from tests.lab.runner import Launcher

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.conftest import Worlds
    from tests.lab.runner import Starter

PATH = {"PATH": os.environ["PATH"]}


@pytest.mark.parametrize(
    "trap",
    [
        Trap(step=Step.DOT_POST),
        Trap(step=Step.ARM_POST, turn=3, mode=Mode.STOP),
        Trap(step=Step.ARM_POST, mode=Mode.PAUSE, seconds=0.5),
    ],
)
def test_a_trap_goes_through_the_environment(trap: Trap) -> None:
    assert trap_of(trap.variables()) == trap


def test_an_environment_without_a_trap_or_with_a_wrong_one() -> None:
    assert trap_of({}) is None
    assert trap_of({CRASHPOINT: "dot.post"}) == Trap(step=Step.DOT_POST)
    for wrong in ({CRASHPOINT: "dot"}, {CRASHPOINT: "dot.post", CRASHMODE: "explode"}):
        with pytest.raises(ValueError, match="is not a valid"):
            trap_of(wrong)


def test_steps_are_written_down_and_only_the_turn_asked_for_is_trapped(tmp_path: Path) -> None:
    log = tmp_path / "steps"
    trap = Trap(step=Step.DOT_POST, turn=2, mode=Mode.PAUSE, seconds=0.2)
    watch, took = Watch(trap, str(log)), []

    for _ in range(3):
        begun = time.monotonic()
        watch(Step.DOT_POST)
        took.append(time.monotonic() - begun > 0.2)
    watch(Step.SENT_POST)

    assert took == [False, True, False]
    assert log.read_text().split() == ["dot.post"] * 3 + ["sent.post"]


def test_both_ways_to_start_are_the_command_line(tmp_path: Path, starter: Starter) -> None:
    for way in (Launcher(), starter):
        done = way.start(["--version"], tmp_path, PATH).wait()
        assert (done.code, done.out) == (0, f"digest {__version__}\n")
        assert way.start(["nonsense"], tmp_path, PATH).wait().code == 2


def test_both_ways_die_at_the_step_and_leave_the_same_log(
    world_of: Worlds, starter: Starter
) -> None:
    world, logs = world_of(more=("again",)), []
    for way, job in ((Launcher(), "mail"), (starter, "again")):
        world.starter = way
        log = world.folder / f"{job}.steps"
        done = world.run(job, trap=Trap(step=Step.SMTP_RCPT), **{STEPLOG: str(log)})
        assert done.code == -signal.SIGKILL
        logs.append(log.read_text().split())

    assert logs[0][-1] == "smtp.rcpt"
    assert logs[0] == [*["migrate.mid"] * len(schema.KNOWN), *logs[1]]


def test_a_halted_process_waits_for_sigcont(tmp_path: Path, starter: Starter) -> None:
    running = starter.start(["--version"], tmp_path, PATH, halted=True)
    with pytest.raises(TimeoutError):
        running.wait(0.3)
