"""What a failed post means for its delivery, and for those that come after it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from digest.channels.slack.answers import (
    NotSentError,
    RateLimitedError,
    RefusedError,
    RepeatableError,
    SlackError,
    UnknownOutcomeError,
)
from digest.core.content import DeliveryState, Outcome

_UNKNOWN_IN_A_ROW = 2  # outcomes, after which the rest is put off


def outcome_of(recipient: str, error: SlackError) -> Outcome:
    """What became of a headline whose post ended in this error."""
    match error:
        case RateLimitedError(retry_after=seconds):
            return _fault(error, retry_after=seconds)
        case NotSentError():
            return _fault(error)
        case RefusedError(about_the_bot=True, code=code) if not code.startswith("http_"):
            # Slack's definite no to this one; the others wait until a person has acted
            return _fault(error, state=DeliveryState.FAILED, passing=False)
        case RefusedError(about_the_bot=True):
            return _fault(error, passing=False)
        case RefusedError(passing=True) | RepeatableError():
            state = DeliveryState.RETRY_WAIT
        case UnknownOutcomeError():
            state = DeliveryState.UNCERTAIN
        case _:
            state = DeliveryState.FAILED
    return Outcome(state=state, detail=f"{recipient}: {error}", code=error.code)


def defect(error: Exception) -> str:
    """A sentence about an error that should not be."""
    return f"internal error ({type(error).__name__}); this is a defect of digest"


def _fault(
    error: SlackError,
    *,
    state: DeliveryState = DeliveryState.RETRY_WAIT,
    passing: bool = True,
    retry_after: float | None = None,
) -> Outcome:
    return Outcome(
        state=state,
        detail=str(error),
        code=error.code,
        retry_after=retry_after,
        fault=True,
        passing=passing,
    )


@dataclass(slots=True)
class Road:
    """What was learnt in one `deliver` call. Once `closed`, it is what becomes of all others."""

    closed: Outcome | None = None
    unknown_in_a_row: int = 0

    def note(self, outcome: Outcome, *, unclear: bool) -> None:
        """Take in what Slack said to a headline; `unclear` says that it did not really answer."""
        if outcome.fault:
            self.closed = replace(outcome, state=DeliveryState.RETRY_WAIT)
        if not unclear:
            self.unknown_in_a_row = 0
            return
        self.unknown_in_a_row += 1
        if self.unknown_in_a_row >= _UNKNOWN_IN_A_ROW:
            self.closed = Outcome(
                state=DeliveryState.RETRY_WAIT, detail="Slack gives no clear answers", fault=True
            )
