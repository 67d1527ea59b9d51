"""The real daemon as a process whose clock somebody else moves.

Whenever nothing is built or sent it says so (`idle NUMBER SECONDS`: how long it would wait), and
goes on when it is answered (`go NUMBER`) or when a signal comes. The rest is what `digest serve`
is made of: `Daemon`, its threads, its ledger, its signals.

DIGEST_SOAK_CLOCK    the file of the clock
DIGEST_SOAK_CONTROL  the abstract socket to speak over
DIGEST_SOAK_WEB      HOST:PORT for the status page, if there is to be one
"""

from __future__ import annotations

import os
import select
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from digest.errors import DigestError
from digest.service.life import Daemon
from digest.service.logs import LogForm, configure
from digest.service.outside import Outside
from digest.service.watched import watched
from digest.web.address import listen_at
from tests.soak.clock import SharedClock
from tests.support.daemons import NoAlarm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from digest.service.wake import Wake

CLOCK, CONTROL, WEB = "DIGEST_SOAK_CLOCK", "DIGEST_SOAK_CONTROL", "DIGEST_SOAK_WEB"
TICK = timedelta(hours=6)
"""How often all is looked at anew; the usual 30 s would make a year long."""

_SLICE = 0.02  # real seconds between two looks at work that goes on


@dataclass(slots=True)
class Patience:
    """Waits as the driver says; `daemon` is set before it runs."""

    clock: SharedClock
    driver: socket.socket
    daemon: Daemon | None = None
    _number: int = field(default=0)

    def wait(self, wake: Wake, seconds: float) -> bool:
        """Whether somebody rang."""
        assert self.daemon is not None
        if wake.wait(0.0):
            return True
        if self.daemon.stopping:
            self.clock.advance(_SLICE)  # the grace for what is under way is not endless
            return wake.wait(_SLICE)
        if self.daemon.loop.builders.running or self.daemon.loop.lanes.busy:
            return wake.wait(_SLICE)
        self._number += 1
        self.driver.send(f"idle {self._number} {seconds!r}".encode())
        return self._rang(wake)

    def _rang(self, wake: Wake) -> bool:
        voice = self.driver.fileno()
        while True:
            ready, _, _ = select.select([wake._ear, voice], [], [])
            if wake._ear in ready:
                return wake.wait(0.0)
            said = self.driver.recv(100)
            if not said:
                os._exit(3)  # the driver is gone
            if said == f"go {self._number}".encode():
                return False


def serve(environment: Mapping[str, str]) -> int:
    """Live until a signal says to stop; gives the exit code."""
    driver = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    driver.connect(f"\0{environment[CONTROL]}")
    with SharedClock(Path(environment[CLOCK])) as clock, driver:
        patience = Patience(clock, driver)

        def watch(daemon: Daemon, closing: ExitStack) -> None:
            if at := environment.get(WEB):
                watched(daemon, listen_at(at), closing)

        outside = Outside(
            clock=clock.wall,
            monotonic=clock.monotonic,
            sleep=clock.sleep,
            wait=patience.wait,
            alarm=lambda _ring, _due: NoAlarm(),
            tick=TICK,
            glance=float("inf"),
        )
        with configure(LogForm.CONSOLE, (), sys.stderr, env=environment) as log:
            patience.daemon = Daemon(
                path=Path("config.yaml"), env=environment, log=log, outside=outside, watch=watch
            )
            try:
                patience.daemon.run()
            except DigestError as error:
                with suppress(OSError):
                    sys.stderr.write(f"digest: {error}\n")
                return int(error.exit_code)
    return 0
