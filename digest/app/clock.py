"""The clock of one call: the machine's, or one that starts where `--now` says."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.app import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def clock_from(start: datetime | None) -> Callable[[], datetime]:
    """Gives the time, aware, UTC; from `start` on it goes as fast as the machine's."""
    if start is None:
        return utc_now
    begun = time.monotonic()

    def clock() -> datetime:
        return start + timedelta(seconds=time.monotonic() - begun)

    return clock
