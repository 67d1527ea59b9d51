"""Cases 17, 18 and 19 of the fault matrix: one ledger, one sender, whoever else is there."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from digest.core.content import DeliveryState as State
from digest.core.steps import Step
from tests.lab.launcher import Mode, Trap
from tests.lab.world import NOW, THREE

if TYPE_CHECKING:
    from tests.lab.conftest import Worlds
    from tests.lab.runner import Running
    from tests.lab.world import World
    from tests.support.commands import Done

DONE, LATER = 0, 75
KILLED = -signal.SIGKILL
READER = "a@example.com"


def test_case_17_a_second_process_is_refused_and_told_who_has_it(world_of: Worlds) -> None:
    world = world_of()
    first = world.begin("mail", trap=Trap(step=Step.PLAN_POST, mode=Mode.STOP))
    until_stopped(first)

    usual, _ = timed(world, "jobs")  # what a start costs on this machine just now
    took, second = timed(world, "run", "mail", "--now", NOW)
    first.signal(signal.SIGCONT)

    assert second.code == LATER
    assert took - usual < 5
    assert str(first.pid) in second.err
    assert "digest run mail" in second.err
    assert first.wait().code == DONE
    assert world.copies("mail") == {READER: 1}
    assert world.violations() == []


def test_case_18_twenty_at_once_one_copy_each(world_of: Worlds) -> None:
    world = world_of(readers=THREE)

    running = [world.begin("both") for _ in range(20)]
    codes = {process.wait().code for process in running}

    assert codes <= {DONE, LATER}
    assert set(world.copies("both").values()) == {1}
    assert set(world.books().states("both").values()) == {State.SENT}
    assert world.violations() == []


def test_case_19_children_of_a_dead_process_do_not_keep_the_ledger(world_of: Worlds) -> None:
    world = world_of()
    trap = Trap(step=Step.PLAN_POST, mode=Mode.ORPHAN, seconds=8)

    dead = world.run("mail", trap=trap)
    next_one = world.run("mail")

    orphans = dead.err.split("orphans: ")[1].split()
    assert dead.code == KILLED
    assert [is_alive(pid) for pid in orphans] == [True, True]
    assert next_one.code == DONE
    assert world.copies("mail") == {READER: 1}


def timed(world: World, *arguments: str) -> tuple[float, Done]:
    """How long a command takes, and what it said."""
    begun = time.monotonic()
    done = world.start(*arguments).wait()
    return time.monotonic() - begun, done


def until_stopped(running: Running) -> None:
    """Wait until SIGSTOP has stopped it."""
    end = time.monotonic() + 20
    while state_of(running.pid) != "T":
        assert time.monotonic() < end, "it was never stopped"
        time.sleep(0.01)


def is_alive(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists() and state_of(int(pid)) != "Z"


def state_of(pid: int) -> str:
    """As `ps` says it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
