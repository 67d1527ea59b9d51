"""Two ways to start digest as a real process: from scratch, or forked from one that is ready.

with ForkServer() as starter:
    running = starter.start(["run", "small"], folder, environment)
    running.signal(signal.SIGKILL)
    assert running.wait().code == -signal.SIGKILL
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Protocol, Self

from tests.lab.forkserver import READY
from tests.support.cli import ROOT
from tests.support.commands import Done

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SECONDS = 60.0


class Running(Protocol):
    """A process of digest's."""

    pid: int

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        ...

    def wait(self, seconds: float = _SECONDS) -> Done:
        """Its exit code (a signal's number negative) and what it said. Raises TimeoutError."""
        ...


class Starter(Protocol):
    """Starts digest with these arguments."""

    def start(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        halted: bool = False,
    ) -> Running:
        """`halted`: it waits for SIGCONT before it begins."""
        ...


class _Streams:
    """Where a process writes to."""

    def __init__(self) -> None:
        self.out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it is done
        self.err: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as above

    def done(self, code: int) -> Done:
        """What was said; the files are gone after that."""
        said = []
        for file in (self.out, self.err):
            file.seek(0)
            said.append(file.read().decode("utf-8", "replace"))
            file.close()
        return Done(code, *said)


class Launcher:
    """Starts `python -m tests.lab.launcher`; slow, and just as a user does it."""

    def start(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        halted: bool = False,
    ) -> Running:
        """`halted` is not for this one."""
        assert not halted
        streams = _Streams()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.launcher", *arguments],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=streams.out,
            stderr=streams.err,
        )
        return _Launched(process, streams)


class _Launched:
    def __init__(self, process: subprocess.Popen[bytes], streams: _Streams) -> None:
        self.pid = process.pid
        self._process = process
        self._streams = streams

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = _SECONDS) -> Done:
        try:
            return self._streams.done(self._process.wait(seconds))
        except subprocess.TimeoutExpired:
            self._process.kill()
            done = self._streams.done(self._process.wait())
            raise TimeoutError(f"digest did not end: {done.said}") from None


class ForkServer:
    """Context manager: a process that has everything imported, and forks for each run.

    `module` is what it runs; its children are what that makes of an order.
    """

    def __init__(self, module: str = "tests.lab.forkserver") -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "OPENBLAS_NUM_THREADS": "1",
                },
                stdin=subprocess.DEVNULL,
            )
        self._lock = threading.Lock()
        if self._ours.recv(len(READY)) != READY:
            self.__exit__()
            raise RuntimeError("the fork server did not start; its stderr says why")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ours.close()
        self._process.wait(10)

    def start(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        *,
        halted: bool = False,
    ) -> Running:
        """See Starter."""
        order = json.dumps(
            {
                "arguments": list(arguments),
                "environment": dict(environment),
                "folder": str(folder),
                "halted": halted,
            }
        )
        streams = _Streams()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._lock:
            files = [streams.out.fileno(), streams.err.fileno(), theirs.fileno()]
            socket.send_fds(self._ours, [order.encode()], files)
        ours.settimeout(_SECONDS)
        data, (handle,), _, _ = socket.recv_fds(ours, 100, 1)
        return _Forked(int(data), handle, ours, streams)


class _Forked:
    def __init__(self, pid: int, handle: int, told: socket.socket, streams: _Streams) -> None:
        self.pid = pid
        self._handle = handle
        self._told = told
        self._streams = streams
        self._closing = ExitStack()
        self._closing.callback(os.close, handle)
        self._closing.callback(told.close)

    def signal(self, number: int) -> None:
        try:
            signal.pidfd_send_signal(self._handle, number)
        except ProcessLookupError:
            return  # it has ended

    def wait(self, seconds: float = _SECONDS) -> Done:
        with self._closing:
            self._told.settimeout(seconds)
            try:
                return self._streams.done(int(self._told.recv(100)))
            except TimeoutError:
                self.signal(signal.SIGKILL)
                self._told.settimeout(_SECONDS)
                done = self._streams.done(int(self._told.recv(100)))
                raise TimeoutError(f"digest did not end: {done.said}") from None
