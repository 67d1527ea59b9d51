"""The one sentence for each way in which asking can fail: which report, what happened, what to do.

Nothing that the server wrote gets in, but a status and a plain code word.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, assert_never

from digest.errors import PhaseError, PhaseUnavailableError
from digest.phase.transport import Fault, FaultKind, Nonsense, Refusal

if TYPE_CHECKING:
    from digest.phase.retry import GiveUp

_KEY_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_QUERY_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, for people: the report, its details in words, the app and the server."""

    report: str
    details: str
    app_id: str
    base_url: str

    def __str__(self) -> str:
        return f"{self.report} ({self.details})" if self.details else self.report


def error_of(gave_up: GiveUp, question: Question, tries: int) -> PhaseError:
    """The error to raise after giving up on a question."""
    outcome = gave_up.outcome
    status = outcome.status if isinstance(outcome, Refusal) else None
    message = f"{question}: {_what(outcome, question)}"
    if not gave_up.later:
        return PhaseError(message, report=question.report, status=status)
    made = f"{tries} tries" if tries > 1 else "1 try"
    return PhaseUnavailableError(
        f"{message} ({made}); {_when(gave_up.retry_after)}",
        report=question.report,
        status=status,
        retry_after=gave_up.retry_after,
        everywhere=stops_asking(gave_up),
    )


def stops_asking(gave_up: GiveUp) -> bool:
    """Whether every other report of this app would fare the same, so that asking on is in vain.

    So it is when the server can't be reached, when it refuses the key, and when it asks to wait
    longer than we do because of too many requests. A 5xx may concern a single report only.
    """
    match gave_up.outcome:
        case Fault(kind):
            return kind is not FaultKind.CUT
        case Refusal(status):
            too_many = status == HTTPStatus.TOO_MANY_REQUESTS
            return status in _KEY_REFUSED or (too_many and gave_up.retry_after is not None)
        case Nonsense():
            return False
        case _:
            assert_never(gave_up.outcome)


def _what(outcome: Fault | Refusal | Nonsense, question: Question) -> str:
    match outcome:
        case Fault(kind):
            return f"Phase at {question.base_url} {kind}"
        case Nonsense(reason):
            return f"{reason}; is {question.base_url} the address of a Phase API?"
        case Refusal():
            return _refused(outcome, question)
        case _:
            assert_never(outcome)


def _refused(refusal: Refusal, question: Question) -> str:
    status = refusal.status
    code = f" {refusal.code}" if refusal.code else ""
    if status in _KEY_REFUSED:
        return (
            f"the key for app {question.app_id} was refused (it may be wrong, revoked, expired or"
            " for another app); check app_id and api_key"
        )
    if status in _QUERY_REFUSED:
        return f"Phase refused this query ({status}{code}); its version may not know it"
    if status == HTTPStatus.NOT_FOUND:
        return f"there is no such report at {question.base_url} (404); check base_url"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "Phase counts too many requests (429)"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"Phase has an error of its own ({status}{code})"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return (
            f"{question.base_url} redirects elsewhere ({status}), which is not followed, to keep"
            " the key; set base_url to the final address"
        )
    return f"Phase gave an answer of an unexpected kind ({status}{code})"


def _when(retry_after: float | None) -> str:
    if retry_after is None:
        return "try again later"
    return f"it asks to be left alone for {retry_after:.0f} seconds"
