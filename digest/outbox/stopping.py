"""Being told to stop: nothing new is risked, and an answer that is due is waited for."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field

GRACE = 30.0
"""Seconds that the answers to messages already handed over are waited for."""


@dataclass(slots=True)
class Stop:
    """Asked once: finish or hand back within the grace. Asked twice: leave now.

    `sending` is set while there may be something to finish or hand back.
    """

    grace: float = GRACE
    sending: bool = False
    _end: float = math.inf
    _once: threading.Event = field(default_factory=threading.Event)
    _twice: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        """Called by a signal's handler."""
        if self._once.is_set():
            self._twice.set()
        else:
            self._end = time.monotonic() + self.grace
        self._once.set()

    @property
    def asked(self) -> bool:
        """Whether to stop."""
        return self._once.is_set()

    @property
    def now(self) -> bool:
        """Whether to stop without waiting for anything."""
        return self._twice.is_set()

    @property
    def overdue(self) -> bool:
        """Whether the grace is over, too."""
        return self.now or (self.asked and time.monotonic() > self._end)

    def wait(self, seconds: float) -> bool:
        """Wait, but not longer than until a stop; whether there was one."""
        return self._once.wait(max(seconds, 0.0))
