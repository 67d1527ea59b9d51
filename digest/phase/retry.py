"""What to do after a try: use the answer, wait and try again, or give up. Pure decisions.

An own loop instead of tenacity's, because one outcome decides three things at once here: how
long to wait (`Retry-After`), whether that is still worth it (`max_wait`), and whether it ends
before the call's deadline, on a clock that is handed in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, assert_never

from digest.phase.transport import Document, Fault, FaultKind, Nonsense, Outcome, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from digest.phase.limits import PhaseLimits

LONGEST_PUT_OFF = 86_400.0  # a server that names more is not believed
_SECONDS = re.compile(r"[0-9]{1,40}")


@dataclass(frozen=True, slots=True)
class Use:
    """The answer is there."""

    value: object


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No further try. `later` says that one may work some other time.

    `retry_after` is what the server asked for, in seconds, at most a day.
    """

    outcome: Fault | Refusal | Nonsense
    later: bool
    retry_after: float | None = None


def decide(
    outcome: Outcome,
    *,
    tries_made: int,
    remaining: float,
    limits: PhaseLimits,
    rng: Random,
    now: datetime,
) -> Use | Wait | GiveUp:
    """The step after `outcome`, with `remaining` seconds left for the whole call.

    Tried again are 408, 429, 5xx and faults of the connection, but not a bad certificate or
    address; a whole answer that makes no sense would make none the next time either. Waits are the
    back-off ±50 %, or what the server asks for if that is longer than nothing and at most
    `limits.max_wait`; none is begun that would reach the end of the call.
    """
    match outcome:
        case Document(value):
            return Use(value)
        case Nonsense() | Fault(FaultKind.CERTIFICATE | FaultKind.FORBIDDEN):
            return GiveUp(outcome, later=False)
        case Fault():
            asked = None
        case Refusal():
            if not is_passing(outcome.status):
                return GiveUp(outcome, later=False)
            asked = retry_after(outcome.headers, now)
        case _:
            assert_never(outcome)
    pause = limits.pause_after(tries_made)
    wait = pause * rng.uniform(0.5, 1.5) if asked is None else asked + pause * rng.uniform(0, 0.1)
    too_long = asked is not None and asked > limits.max_wait
    if too_long or tries_made >= limits.tries or wait >= remaining:
        return GiveUp(outcome, later=True, retry_after=asked)
    return Wait(wait)


def is_passing(status: int) -> bool:
    """Whether a status may be another one soon."""
    return (
        status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that `Retry-After` asks to wait: more than 0, at most a day, else None.

    A date counts from the answer's own `Date`, and from `now` only where that is missing.
    """
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    elif (until := _date(text)) is not None:
        seconds = (until - (_date(headers.get("Date", "")) or now)).total_seconds()
    else:
        return None
    return min(seconds, LONGEST_PUT_OFF) if seconds > 0 else None


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
