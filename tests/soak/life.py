"""One process of the daemon as the driver has it in hand: it waits, goes on, is killed.

`Lives` starts them; each is a fork of a server that has everything imported.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from tests.soak import launcher
from tests.soak.forkserver import SERVE
from tests.support.cli import SECRETS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.runner import Running, Starter
    from tests.soak.place import Place
    from tests.support.commands import Done

PATIENCE = 60.0
"""Real seconds in which the daemon comes to rest, or ends."""

_GLANCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a process takes up: resident memory in kB, open files, threads."""

    memory: int
    files: int
    threads: int


@dataclass(slots=True, kw_only=True)
class Life:
    """A daemon from its start to its end."""

    running: Running
    driver: socket.socket
    _idle: tuple[int, float] | None = None
    _number: int = 0

    def idle(self) -> float | None:
        """Wait until it has nothing to do; gives the seconds that it would wait, None at its end.

        Raises TimeoutError when it does not come to rest.
        """
        while self._idle is None:
            try:
                said = self.driver.recv(100)
            except ConnectionResetError:
                said = b""
            if not said:
                return None
            _, number, seconds = said.split()
            if int(number) > self._number:
                self._idle = (int(number), float(seconds))
        return self._idle[1]

    def go(self) -> None:
        """It may look around again; call it only while it is idle."""
        assert self._idle is not None
        self._number, self._idle = self._idle[0], None
        try:
            self.driver.send(f"go {self._number}".encode())
        except BrokenPipeError:
            return  # it has just ended; `idle` says so

    def signal(self, number: int) -> None:
        """Send a signal; what it said before that counts no more."""
        if self._idle is not None:
            self._number, self._idle = self._idle[0], None
        self.running.signal(number)

    def kill(self) -> Done:
        """kill -9."""
        return self.end(signal.SIGKILL)

    def stop(self) -> Done:
        """SIGTERM."""
        return self.end(signal.SIGTERM)

    def end(self, number: int) -> Done:
        """A signal that ends it, and how it ended."""
        self.running.signal(number)
        try:
            return self.running.wait(PATIENCE)
        finally:
            self.driver.close()

    def size(self) -> Size:
        """What it takes up now."""
        process = f"/proc/{self.running.pid}"
        with open(f"{process}/status", encoding="ascii") as file:  # noqa: PTH123 - not a real file
            memory = next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
        files, threads = (len(os.listdir(f"{process}/{what}")) for what in ("fd", "task"))  # noqa: PTH208
        return Size(memory=memory, files=files, threads=threads)


@dataclass(slots=True, kw_only=True)
class Lives:
    """Starts daemons, and commands beside them. `web` is where their status page is, if any."""

    starter: Starter
    place: Place
    web: str = ""
    started: int = 0
    _numbers: Iterator[int] = field(default_factory=count)

    def begin(self) -> Life:
        """A daemon that is about to start."""
        name = f"digest-soak-{os.getpid()}-{id(self):x}-{next(self._numbers)}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(f"\0{name}")
            listener.listen(1)
            listener.settimeout(PATIENCE)
            running = self.starter.start([SERVE], self.folder, self._environment(name))
            self.started += 1
            driver, _ = listener.accept()
        driver.settimeout(PATIENCE)
        return Life(running=running, driver=driver)

    def command(self, life: Life | None, *arguments: str, kill_after: float | None = None) -> Done:
        """A command line; a daemon beside it looks around meanwhile, as it does each second."""
        running = self.starter.start(arguments, self.folder, self._environment(""))
        done: list[Done] = []
        waiting = threading.Thread(target=lambda: done.append(running.wait(PATIENCE)))
        waiting.start()
        begun = time.monotonic()
        while waiting.is_alive():
            if kill_after is not None and time.monotonic() - begun > kill_after:
                running.signal(signal.SIGKILL)
            if life is not None and life.idle() is not None:
                life.go()
            waiting.join(_GLANCE)
        return done[0]

    @property
    def folder(self) -> Path:
        """Where they live."""
        return self.place.folder

    def _environment(self, control: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            **SECRETS,
            launcher.CLOCK: str(self.place.clock_file),
            launcher.CONTROL: control,
            launcher.WEB: self.web,
        }
