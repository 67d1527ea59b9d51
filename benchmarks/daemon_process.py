"""A real `digest serve` to be measured: when it is ready, what it uses, how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

_TICKS = os.sysconf("SC_CLK_TCK")
_PATIENCE = 120.0


@dataclass(slots=True, kw_only=True)
class DaemonProcess:
    """Context manager: starts the daemon, waits for READY=1, stops it in the end.

    `ready_after` is seconds from the start of the process, `ready_cpu` what it used until then.
    Times are CPU seconds, memory is in kB.
    """

    config: Path
    env: Mapping[str, str]
    ready_after: float = 0.0
    ready_cpu: float = 0.0
    _process: subprocess.Popen[bytes] = field(init=False)
    _ear: socket.socket = field(init=False)

    def __enter__(self) -> Self:
        folder = self.config.parent
        place = folder / "notify"
        place.unlink(missing_ok=True)
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ear.bind(str(place))
        begun = time.monotonic()
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "digest", "serve", "-c", str(self.config)],
                env={**os.environ, **self.env, "NOTIFY_SOCKET": str(place)},
                cwd=folder,
                stderr=log,
            )
        try:
            self.heard("READY=1")
        except BaseException:
            self.__exit__()
            raise
        self.ready_after, self.ready_cpu = time.monotonic() - begun, self.cpu()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._ear.close()

    @property
    def log(self) -> str:
        """Everything that it said."""
        return (self.config.parent / "log").read_text(encoding="utf-8", errors="replace")

    def heard(self, what: str) -> None:
        """Wait until it says so to the service manager."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            self._ear.settimeout(1.0)
            try:
                said = self._ear.recv(4096).decode()
            except TimeoutError:
                if self._process.poll() is not None:
                    sys.exit(f"digest serve ended:\n{self.log[-2000:]}")
                continue
            if what in said.split("\n"):
                return
        sys.exit(f"digest serve did not say {what} in {_PATIENCE:.0f} s")

    def reload(self) -> None:
        """Have it read its config again; returns when it has."""
        while self._is_told():
            pass
        self._process.send_signal(signal.SIGHUP)
        self.heard("READY=1")

    def cpu(self) -> float:
        """User and system time so far, of all its threads."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self, what: str = "VmRSS") -> int:
        """VmRSS or VmHWM."""
        found = re.search(rf"^{what}:\s+(\d+) kB$", self._proc("status"), re.MULTILINE)
        assert found
        return int(found[1])

    def _is_told(self) -> bool:
        """Take what it said before; whether there was anything."""
        self._ear.setblocking(False)  # noqa: FBT003 — the socket's own way
        try:
            return bool(self._ear.recv(4096))
        except BlockingIOError:
            return False

    def _proc(self, what: str) -> str:
        return Path(f"/proc/{self._process.pid}/{what}").read_text(encoding="utf-8")
