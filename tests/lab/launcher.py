"""`python -m tests.lab.launcher …`: the real command line, killed or stopped at a step it reaches.

DIGEST_CRASHPOINT   `name` or `name:n`: the step (`digest.core.steps.Step`), the n-th time
DIGEST_CRASHMODE    what happens there: `kill` (SIGKILL, the default), `stop` (SIGSTOP),
                    `pause:SECONDS`, or `orphan:SECONDS` (SIGKILL, survived by children of the
                    process, one forked and one executed, for that long)
DIGEST_STEPLOG      a file that gets the name of each step that is reached, a line each
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.__main__ import main as run
from digest.core.steps import Step, listen

if TYPE_CHECKING:
    from collections.abc import Mapping

CRASHPOINT, CRASHMODE, STEPLOG = "DIGEST_CRASHPOINT", "DIGEST_CRASHMODE", "DIGEST_STEPLOG"


class Mode(StrEnum):
    """What happens at the step."""

    KILL = "kill"
    STOP = "stop"
    PAUSE = "pause"
    ORPHAN = "orphan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """Where something happens, and what: at `step`, the `turn`-th time that it is reached."""

    step: Step
    turn: int = 1
    mode: Mode = Mode.KILL
    seconds: float = 0.0

    def variables(self) -> dict[str, str]:
        """The environment that sets it."""
        mode = f"{self.mode}:{self.seconds}" if self.seconds else str(self.mode)
        return {CRASHPOINT: f"{self.step}:{self.turn}", CRASHMODE: mode}

    def spring(self) -> None:
        """Do what it does."""
        match self.mode:
            case Mode.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            case Mode.STOP:
                os.kill(os.getpid(), signal.SIGSTOP)
            case Mode.PAUSE:
                time.sleep(self.seconds)
            case Mode.ORPHAN:
                _leave_children(self.seconds)
                os.kill(os.getpid(), signal.SIGKILL)


def trap_of(environment: Mapping[str, str]) -> Trap | None:
    """The trap that an environment sets, if any. Raises ValueError when it makes no sense."""
    where = environment.get(CRASHPOINT)
    if not where:
        return None
    name, _, turn = where.partition(":")
    mode, _, seconds = environment.get(CRASHMODE, Mode.KILL).partition(":")
    return Trap(step=Step(name), turn=int(turn or 1), mode=Mode(mode), seconds=float(seconds or 0))


class Watch:
    """Hears each step: writes its name down, then springs the trap when it is its turn."""

    def __init__(self, trap: Trap | None, log: str | None) -> None:
        self._trap = trap
        self._turns = 0
        self._lock = threading.Lock()
        self._log: int | None = None
        if log is not None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._log = os.open(log, flags, 0o600)

    def __call__(self, step: Step) -> None:
        if self._log is not None:
            os.write(self._log, f"{step}\n".encode())
        if self._trap is None or step is not self._trap.step:
            return
        with self._lock:
            self._turns += 1
            mine = self._turns == self._trap.turn
        if mine:
            self._trap.spring()


def prepare(environment: Mapping[str, str]) -> None:
    """Set the traps of this process."""
    trap, log = trap_of(environment), environment.get(STEPLOG)
    if trap is not None or log is not None:
        listen(Watch(trap, log))


def _leave_children(seconds: float) -> None:
    """Two that live on: a copy of this process, and another program with all that it inherits."""
    program = subprocess.Popen(["sleep", str(seconds)], close_fds=False)
    copy = os.fork()
    if copy == 0:
        time.sleep(seconds)
        os._exit(0)
    os.write(2, f"orphans: {program.pid} {copy}\n".encode())


def main() -> None:
    """Set the traps, then run the command line as `python -m digest` does."""
    prepare(os.environ)
    run()


if __name__ == "__main__":
    main()
