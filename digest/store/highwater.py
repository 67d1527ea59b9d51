"""How far the ledger had come, kept beside it: a database that is older than that was put back.

The file has one fixed length below a disk's sector and is overwritten in place, so that it is
old or new, never half. Several processes may raise it, one at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digest.errors import StateRefusedError, UnsureError
from digest.store.places import is_short, refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LENGTH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The installation's id, and the count of messages that were recorded as sent."""

    install: str
    sent: int


class HighWater:
    """The file `instance.json` of one state folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "instance.json"
        self._fd: int | None = None
        self._install = ""
        self._sent = 0

    def read(self) -> Mark | None:
        """What was written last; None when nothing was yet.

        Raises StateRefusedError when it can't be understood, StateBusyError when it can't be
        opened now.
        """
        try:
            return _understood(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, OSError) and is_short(error):
                raise refused(error, f"{self.path} can't be read: {error.strerror}") from None
            raise StateRefusedError(
                f"{self.path} can't be read, so it is not known whether the ledger is the newest "
                "one; put it back, or say that it is with: digest recover --accept-older-db"
            ) from None

    def open(self, install: str, sent: int) -> None:
        """Keep the file open for `raise_to`; `sent` is the mark that it has.

        Raises StateRefusedError or StateBusyError when it can't be written.
        """
        self._install, self._sent = install, sent
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            said = f"{self.path} can't be written: {error.strerror}"
            raise refused(error, said, "without it nothing is sent") from None

    def raise_to(self, sent: int) -> None:
        """Write the new mark, durably; it is never lowered, whoever has raised it.

        Raises UnsureError, after which nothing more may be sent.
        """
        if self._fd is None or sent <= self._sent:
            return
        line = json.dumps({"install": self._install, "sent": sent})
        try:
            with _alone(self._fd):
                if self._beyond(self._fd, sent):
                    return
                os.pwrite(self._fd, line.ljust(_LENGTH - 1).encode() + b"\n", 0)
                os.fdatasync(self._fd)
        except OSError as error:
            raise UnsureError(
                f"{self.path} can't be written: {error.strerror}; nothing more is sent. Look at "
                "the disk, then run digest again"
            ) from None
        self._sent = sent

    def _beyond(self, fd: int, sent: int) -> bool:
        """Whether another process has raised it as far meanwhile."""
        try:
            found = _understood(os.pread(fd, _LENGTH, 0))
        except (ValueError, KeyError, TypeError):
            return False
        return found is not None and found.install == self._install and found.sent >= sent

    def close(self) -> None:
        """Done with it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _understood(content: bytes) -> Mark | None:
    """None for a file that was made, and then the process was killed."""
    text = content.decode().strip("\0 \n")
    if not text:
        return None
    found: Any = json.loads(text)
    return Mark(install=str(found["install"]), sent=int(found["sent"]))


@contextmanager
def _alone(fd: int) -> Iterator[None]:
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)
