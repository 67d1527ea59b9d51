"""Telling systemd how the daemon is: ready, well, reloading, stopping (sd_notify(3))."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_CHARACTERS: Final = 500
"""Of a status. systemd drops a message of more than one page, and a character has up to 4 bytes."""

_DIGITS = re.compile(r"[0-9]{1,20}")


class Notifier:
    """Writes to $NOTIFY_SOCKET of the environment it is given; without it, does nothing.

    No call blocks or raises. Each gives whether systemd has the message: what must not get lost
    (`ready`) is to be said again until it does.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        pid: int,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._address = _address(env.get("NOTIFY_SOCKET", ""))
        self._monotonic_ns = monotonic_ns
        self.watchdog_every = watchdog_every(env, pid=pid)

    @property
    def listening(self) -> bool:
        """Whether somebody asked to be told."""
        return self._address is not None

    def ready(self, status: str) -> bool:
        """Started, or reloaded: the end of `reloading`, too, whatever became of it."""
        return self._send("READY=1", _status(status))

    def status(self, status: str) -> bool:
        """What it is doing, in one line, as `systemctl status` shows it."""
        return self._send(_status(status))

    def alive(self) -> bool:
        """The loop that does the work is moving. Due every `watchdog_every` seconds."""
        return self._send("WATCHDOG=1")

    def reloading(self, status: str) -> bool:
        """Reading the config again. Must be followed by `ready`."""
        since = self._monotonic_ns() // 1000
        return self._send("RELOADING=1", f"MONOTONIC_USEC={since}", _status(status))

    def stopping(self, status: str) -> bool:
        """Finishing or handing back what is under way."""
        return self._send("STOPPING=1", _status(status))

    def _send(self, *lines: str) -> bool:
        if self._address is None:
            return False
        message = "\n".join(lines).encode(errors="replace")
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        try:
            with socket.socket(socket.AF_UNIX, kind) as out:
                return out.sendto(message, self._address) == len(message)
        except (OSError, ValueError):
            return False


def watchdog_every(env: Mapping[str, str], *, pid: int) -> float | None:
    """Seconds between two signs of life: half of what the watchdog waits for.

    None when there is no watchdog, or when it watches another process than `pid`.
    """
    limit, watched = _whole(env.get("WATCHDOG_USEC")), env.get("WATCHDOG_PID")
    if not limit or (watched is not None and _whole(watched) != pid):
        return None
    return limit / 2 / 1_000_000


def _address(name: str) -> str | None:
    """A path, or a name in Linux's abstract namespace, which is written with an @."""
    match name[:1]:
        case "/":
            return name
        case "@":
            return "\0" + name[1:]
        case _:
            return None


def _status(text: str) -> str:
    """One line, whatever the text: a line of its own would be read as an order."""
    return "STATUS=" + " ".join(text.split())[:MOST_CHARACTERS]


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and _DIGITS.fullmatch(text) else None
