"""What a build or a look that failed means: when it is tried again, and whether a person hears."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.core.agenda import RETRY_LATER, RETRY_REFUSED, next_try
from digest.core.alerts import ERRORS_TOLD
from digest.errors import (
    ExitCode,
    PeriodNotOverError,
    PhaseUnavailableError,
    StateBusyError,
    StoreError,
)

if TYPE_CHECKING:
    from datetime import datetime

    from digest.core.agenda import Due

TOLD_AFTER = timedelta(minutes=10)
"""How late a digest may be before the operator hears why."""

_SHORTLY, _AT_MOST = timedelta(minutes=1), timedelta(minutes=15)
_LEDGER_WAITS = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Tried again at `until`. `failed` counts as a try; `tell` is for the operator.

    `down` says that the server is to be left alone until then, for all its digests. `fatal` ends
    the process.
    """

    until: datetime
    reason: str
    failed: bool = True
    tell: bool = False
    down: bool = False
    fatal: bool = False


def judged(due: Due, error: Exception, now: datetime) -> Judgement:
    """What is to be done about a build of `due` that ended with `error`."""
    match error:
        case PeriodNotOverError() | StoreError():
            return _no_failure(error, now)
        case PhaseUnavailableError():
            wait = None if error.retry_after is None else timedelta(seconds=error.retry_after)
            until = next_try(due, now, refused=False, wait=wait)
            return Judgement(
                until=until,
                reason=str(error),
                tell=_is_late(due, now),
                down=error.everywhere,
            )
        case _:
            later = getattr(error, "exit_code", None) is ExitCode.PUT_OFF
            return Judgement(
                until=next_try(due, now, refused=not later),
                reason=said_of(error),
                tell=not later or _is_late(due, now),
            )


def judged_look(error: Exception, tries: int, now: datetime, coming: datetime | None) -> Judgement:
    """What is to be done about a look at an alert that ended with `error`.

    `tries` counts the failures in a row, this one included. While a server is down the schedule's
    next look, `coming`, is not put off; a refused key is not asked with often.
    """
    match error:
        case PeriodNotOverError() | StoreError():
            return _no_failure(error, now)
        case _:
            asked = timedelta(seconds=getattr(error, "retry_after", None) or 0)
            later = getattr(error, "exit_code", None) is ExitCode.PUT_OFF
            passing = later or isinstance(error, TimeoutError)
            waits = RETRY_LATER if passing else RETRY_REFUSED
            until = now + max(waits[min(tries, len(waits)) - 1], asked)
            return Judgement(
                until=min(until, coming or until) if passing and not asked else until,
                reason=said_of(error),
                tell=tries >= ERRORS_TOLD or asked > TOLD_AFTER,
                down=isinstance(error, PhaseUnavailableError) and error.everywhere,
            )


def _no_failure(error: PeriodNotOverError | StoreError, now: datetime) -> Judgement:
    """Nothing is wrong with what was asked: it is too early, or the ledger can't be written."""
    match error:
        case PeriodNotOverError():
            # the server's clock says so; if ours is ahead of it, that instant has passed, and the
            # further it is ahead, the longer this goes on
            ahead = now - error.ready_at
            until = max(error.ready_at, now + min(max(ahead / 2, _SHORTLY), _AT_MOST))
            return Judgement(until=until, reason=str(error), failed=False)
        case StateBusyError():
            return Judgement(until=now + _LEDGER_WAITS, reason=str(error), failed=False)
        case _:
            return Judgement(until=now, reason=str(error), fatal=True)


def _is_late(due: Due, now: datetime) -> bool:
    return now - due.effective > TOLD_AFTER


def said_of(error: Exception) -> str:
    """The sentence for a person about any error."""
    if isinstance(error, (TimeoutError,)) or hasattr(error, "exit_code"):
        return str(error)
    return f"internal error ({type(error).__name__}); this is a defect of digest"
