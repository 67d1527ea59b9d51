"""Asking the child that renders: started, listened to, and always ended.

The child gets the request and nothing else: no variable of our environment, no open file.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    Json = dict[str, Any]

_PIECE = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one digest's templates may use: seconds, bytes of address space, bytes of answer.

    After `seconds` the child stops itself where it can, and then says in which line it was;
    `grace` seconds later it is killed.
    """

    seconds: float = 30
    grace: float = 3
    memory: int = 256 * 1024 * 1024
    answer: int = 16_000_000


DEFAULT = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a child said: the template file that it turned to last, and its answer.

    Without an answer (None) `ended` says what became of it, as in `was killed by SIGSEGV`.
    """

    at: str = ""
    answer: Json | None = None
    ended: str = ""


def ask(request: Json, limits: Limits = DEFAULT) -> Heard:
    """Start a child, ask it and end it. Never raises for what the child does."""
    cpu = math.ceil(limits.seconds + limits.grace)
    whole = {**request, "seconds": limits.seconds, "memory": limits.memory, "cpu": cpu}
    line = json.dumps(whole, allow_nan=False).encode() + b"\n"
    try:
        started = _started()
    except OSError as error:
        return Heard(ended=f"could not be started ({error.strerror})")
    with started as child, _ended_after(child, limits.seconds + limits.grace) as overdue:
        assert child.stdin is not None  # noqa: S101 — both are pipes
        assert child.stdout is not None  # noqa: S101
        _write(child.stdin, line)
        said = _read(child.stdout, limits.answer)
        if said is None:
            _kill(child)
        with suppress(ChildProcessError):  # where SIGCHLD is ignored nobody can wait
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    if overdue.is_set():
        return _heard(said, f"takes longer than {limits.seconds:g} s")
    if said is None:
        return Heard(ended=f"writes more than {limits.answer // 1_000_000} MB")
    return _heard(said, _end_of(child.returncode))


def _started() -> subprocess.Popen[bytes]:
    path = os.pathsep.join(dict.fromkeys(str(Path(entry).absolute()) for entry in sys.path))
    return subprocess.Popen(
        [sys.executable, "-B", "-P", "-s", "-X", "utf8", "-m", "digest.render.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": path},
        bufsize=0,
        start_new_session=True,
    )


@contextmanager
def _ended_after(child: subprocess.Popen[bytes], seconds: float) -> Iterator[threading.Event]:
    """Kill the child after that time, and in any case at the end of the block."""
    overdue = threading.Event()

    def too_late() -> None:
        overdue.set()
        _kill(child)

    watch = threading.Timer(seconds, too_late)
    watch.daemon = True
    watch.start()
    try:
        yield overdue
    finally:
        _kill(child)
        watch.cancel()
        watch.join()


def _kill(child: subprocess.Popen[bytes]) -> None:
    """Kill the child and all that it may have started. It is not reaped before that."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _write(stream: IO[bytes], line: bytes) -> None:
    """Say it all; a child that is gone hears nothing, which its end explains."""
    rest = memoryview(line)
    with suppress(BrokenPipeError):
        while rest:
            rest = rest[os.write(stream.fileno(), rest) :]


def _read(stream: IO[bytes], most: int) -> bytes | None:
    """All that it says until it goes; None when that is too much."""
    said = bytearray()
    while piece := os.read(stream.fileno(), _PIECE):
        said += piece
        if len(said) > most:
            return None
    return bytes(said)


def _heard(said: bytes | None, ended: str) -> Heard:
    """Only whole lines count; the last is the answer, unless it only says where the child is."""
    at, answer = "", None
    for line in (said or b"").split(b"\n")[:-1]:
        match _json(line):
            case {"at": str(file)}:
                at = file
            case dict() as found:
                answer = found
            case _:
                return Heard(at=at, ended="gave no proper answer")
    return Heard(at=at, answer=answer, ended="" if answer is not None else ended)


def _json(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _end_of(code: int) -> str:
    if code >= 0:
        return f"ended the renderer with exit code {code}"
    if -code == signal.SIGXCPU:
        return "takes too much of the processor"
    with suppress(ValueError):
        return f"ended the renderer ({signal.Signals(-code).name})"
    return f"ended the renderer (signal {-code})"
