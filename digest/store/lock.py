"""One sender for one SQLite ledger: a lock that the kernel frees when its process dies.

Who holds it stands in a file beside it, because a lock file that says so itself would be emptied
by whoever tries to take it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from typing import TYPE_CHECKING, Self

from digest.errors import StateBusyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from digest.store.places import StatePlace

NAME = "digest.lock"
PATIENCE = 4.0  # seconds; a second process must be told within five
_PAUSE = 0.05
DAEMON = "digest serve"
"""How the command of the one begins that keeps the lock as long as it lives."""


def is_held(place: StatePlace) -> bool:
    """Whether some process has the lock of the ledger there, just now."""
    if place.path is None:
        return False
    try:
        fd = os.open(place.path.parent / NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


class SenderLock:
    """Held from `take` until `release` or the end of the process; children do not inherit it."""

    def __init__(
        self,
        folder: Path,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = folder / NAME
        self._holder = folder / "digest.lock.holder"
        self._monotonic = monotonic
        self._sleep = sleep
        self._fd: int | None = None

    def __enter__(self) -> Self:
        self.take("digest")
        return self

    def __exit__(self, *_exc: object) -> None:
        self.release()

    def take(self, command: str, patience: float = PATIENCE) -> None:
        """Wait for the lock for up to `patience` seconds.

        Raises StateBusyError that names the holder.
        """
        end = self._monotonic() + patience
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                has_it = self._living_command()
                # The daemon does not let go of it, so there is nothing to wait for.
                if has_it.startswith(DAEMON) or self._monotonic() >= end:
                    os.close(fd)
                    raise StateBusyError(self._busy(), holder=has_it) from None
                self._sleep(_PAUSE)
                continue
            except BaseException:
                os.close(fd)
                raise
            break
        self._fd = fd
        # A child that lives longer than we do must not keep the next sender out.
        os.register_at_fork(after_in_child=self._forget)
        said = json.dumps({"pid": os.getpid(), "command": command})
        with contextlib.suppress(OSError):  # on a full disk nobody is told who holds it
            holder = os.open(self._holder, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.write(holder, said.encode())
            os.close(holder)

    def release(self) -> None:
        """Let the next one in."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                self._holder.unlink(missing_ok=True)
            self._forget()

    def _forget(self) -> None:
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = None

    def _living_command(self) -> str:
        """What the holder's file says, unless its process is gone: it may have been killed."""
        try:
            held = json.loads(self._holder.read_text(encoding="utf-8"))
            with contextlib.suppress(PermissionError):  # somebody else's process lives, too
                os.kill(int(held["pid"]), 0)
            return str(held["command"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _busy(self) -> str:
        try:
            held = json.loads(self._holder.read_text(encoding="utf-8"))
            who = f"process {int(held['pid'])} ({held['command']})"
        except (OSError, ValueError, KeyError, TypeError):
            who = "another digest"
        return (
            f"{who} is using the ledger in {self._path.parent}; nothing was sent here. Try again "
            "when it is done"
        )
