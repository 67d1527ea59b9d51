"""What the daemon's signals ask for: to stop in order, to leave at once, to read the config anew.

Handlers take no lock: they note what is asked and ring.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from digest.service.wake import Wake

LEAVE_AFTER = 1.5
"""Seconds for the ledger to note what is unknown, after the second signal."""


@dataclass(slots=True)
class Asked:
    """What was asked for since the last look. `stops` counts SIGTERM and SIGINT."""

    stops: int = 0
    reload: bool = False

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last call."""
        asked, self.reload = self.reload, False
        return asked


@contextmanager
def heard(wake: Wake, asked: Asked) -> Iterator[None]:
    """Listen to SIGTERM, SIGINT and SIGHUP while the block lasts."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        asked.stops += 1
        wake.ring()
        if asked.stops > 1:
            leaving = threading.Timer(LEAVE_AFTER, os._exit, (128 + number,))
            leaving.daemon = True
            leaving.start()

    def reload(_number: int, _frame: FrameType | None) -> None:
        asked.reload = True
        wake.ring()

    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
