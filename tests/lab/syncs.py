"""Killed at every fsync and fdatasync: no hook in digest, only what it asks of the kernel.

strace stops the process at each of these calls (its own `when=N` would count each thread for
itself); at the N-th one it gets SIGKILL, at all others it goes on. A first run that nobody touches
says how many there are.
"""

from __future__ import annotations

import itertools
import re
import signal
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.core.outbox import OnUncertain
from digest.core.steps import Step
from tests.lab.launcher import Trap
from tests.lab.scenarios import casts
from tests.lab.tally import Result, result_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.runner import Running
    from tests.lab.scenarios import Cast, Scenario, Site
    from tests.lab.world import World

CALLS = "fsync,fdatasync"
_LEFT_OUT = {
    ("slack", OnUncertain.HOLD),
    ("slack without history", OnUncertain.RESEND),
    ("mail and slack", OnUncertain.HOLD),
}
_CALL = re.compile(r"\bf(data)?sync\(")


class Start(StrEnum):
    """What was before the run that is killed."""

    NOTHING = "no ledger yet"
    LEDGER = "a ledger"
    DOUBT = "a crash that left doubt"

    def prepare(self, world: World, cast: Cast) -> None:
        """Bring it about."""
        match self:
            case Start.NOTHING:
                return
            case Start.LEDGER:
                world.until_done("before")
            case Start.DOUBT:
                step = Step.DOT_POST if cast.job == "mail" else Step.SLACK_POSTED
                world.run(cast.job, trap=Trap(step=step))


def traced(running: Running, kill_at: int | None) -> int:
    """Let a halted process run, call by call, or kill it at one; gives how many there were."""
    strace = subprocess.Popen(
        [
            *("strace", "-f", "-p", str(running.pid)),
            *("-e", f"trace={CALLS}", "-e", f"inject={CALLS}:signal=STOP"),
        ],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    calls = 0
    with strace:
        assert strace.stderr is not None
        for line in strace.stderr:
            if _CALL.search(line) and "resumed" not in line:
                calls += 1
                if calls == kill_at:
                    running.signal(signal.SIGKILL)
            if "stopped by SIGSTOP" in line:
                running.signal(signal.SIGCONT)
    return calls


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledAtSync:
    """Killed at the N-th call; None lets it live, and `calls` then says how many there are."""

    cast: Cast
    start: Start
    number: int | None = None

    def play(self, site: Site) -> Result:
        """See Scenario."""
        return self.count(site)[1]

    def count(self, site: Site) -> tuple[int, Result]:
        """The same, and how many calls there were."""
        with self.cast.world(site, more=("before",)) as world:
            self.start.prepare(world, self.cast)
            running = world.begin(self.cast.job, halted=True)
            calls = traced(running, self.number)
            code = running.wait().code
            jobs = [self.cast.job, *(["before"] if self.start is Start.LEDGER else [])]
            world.until_done(*jobs)
            result = result_of(
                world,
                jobs,
                sweep=f"every sync, {self.start}",
                label=f"{self.cast}: call {self.number} after {self.start}",
                codes=[code] if self.number else [],
                more=() if self.number or code >= 0 else ("it died untouched",),
            )
        return calls, result


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilUntouched:
    """Killed at a call, then at the next one, and so on, until a run comes to its end."""

    cast: Cast
    start: Start
    number: int

    def play(self, site: Site) -> Result:
        """See Scenario."""
        sums: Result | None = None
        for number in itertools.count(self.number):
            killed = KilledAtSync(cast=self.cast, start=self.start, number=number)
            result = killed.play(site)
            sums = result if sums is None else sums.plus(result)
            if not result.kills:
                break
        assert sums is not None
        return sums


def every_sync(site: Site) -> Iterator[Scenario]:
    """One scenario for each call of an untouched run, and then until one passes untouched.

    The policy matters only after the crash, so not each digest is killed under both.
    """
    for cast in casts():
        if (cast.name, cast.policy) in _LEFT_OUT:
            continue
        for start in Start:
            calls, _ = KilledAtSync(cast=cast, start=start).count(site)
            assert calls, "strace saw nothing"
            for number in range(1, calls + 1):
                yield KilledAtSync(cast=cast, start=start, number=number)
            yield UntilUntouched(cast=cast, start=start, number=calls + 1)
