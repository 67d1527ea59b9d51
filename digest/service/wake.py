"""Waking the loop, also from a signal's handler, where no lock may be taken."""

from __future__ import annotations

import os
import select
from contextlib import suppress


class Wake:
    """Waits until somebody rings, or the time is over."""

    def __init__(self) -> None:
        self._ear, self._bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def ring(self) -> None:
        """End the present wait, or the next one."""
        with suppress(BlockingIOError):  # it has been rung often enough
            os.write(self._bell, b"!")

    def wait(self, seconds: float) -> bool:
        """Whether somebody rang within so many seconds."""
        rang = bool(select.select([self._ear], [], [], max(seconds, 0.0))[0])
        if rang:
            with suppress(BlockingIOError):
                os.read(self._ear, 4096)
        return rang

    def close(self) -> None:
        """Nobody waits any more."""
        os.close(self._ear)
        os.close(self._bell)
