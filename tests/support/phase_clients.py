"""Phase clients for tests: real requests, small limits, waits that are noted and not waited."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from digest.phase.budget import Budget
from digest.phase.client import PhaseClient
from digest.phase.limits import PhaseLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

APP = "482913750261048"
KEY = "phase_public_canary_0123456789abcdef"
NOW = datetime(2026, 11, 23, 4, 46, tzinfo=UTC)

SCALED = PhaseLimits(
    connect=2.0, read=2.0, try_=2.0, call=6.0, backoff=(0.01, 0.04, 0.16), max_wait=60.0
)


@dataclass(slots=True)
class Waits:
    """Time that passes by itself, and by all that anyone wants to sleep; nobody really sleeps."""

    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return time.monotonic() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@contextmanager
def scaled_client(
    url: str,
    *,
    waits: Waits | None = None,
    limits: PhaseLimits | None = None,
    budget: Budget | None = None,
    session: requests.Session | None = None,
    key: str = KEY,
    **changes: float,
) -> Iterator[PhaseClient]:
    """A client of the demo app at `url`; `changes` are limits that differ from `SCALED`."""
    passing = waits or Waits()
    with PhaseClient(
        url,
        APP,
        key,
        replace(limits or SCALED, **changes),  # type: ignore[arg-type] # sizes are whole
        budget or Budget(passing.clock),
        session=session,
        clock=passing.clock,
        sleep=passing.sleep,
        rng=random.Random(7),
        now=lambda: NOW,
    ) as client:
        yield client
