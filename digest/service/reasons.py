"""Short words of a bounded number for why something failed, as labels of metrics. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, assert_never

from digest.phase.transport import Document, Fault, FaultKind, Nonsense, Refusal

if TYPE_CHECKING:
    from digest.phase.transport import Outcome

OTHER: Final = "other"

_SMTP = re.compile(r"[45]\d\d", re.ASCII)
_HTTP = re.compile(r"http_[345]\d\d", re.ASCII)
_KNOWN_SMTP: Final = frozenset(
    {"421", "450", "451", "452", "530", "535", "550", "551", "552", "553", "554"}
)
_KNOWN_SLACK: Final = frozenset(
    {
        "account_inactive", "channel_not_found", "fatal_error", "internal_error", "invalid_auth",
        "invalid_blocks", "is_archived", "is_inactive", "missing_scope", "msg_blocks_too_long",
        "msg_too_long", "no_permission", "not_authed", "not_in_channel", "rate_limited",
        "ratelimited", "request_timeout", "restricted_action", "service_unavailable",
        "team_access_not_granted", "token_expired", "token_revoked", "user_not_found",
    }
)  # fmt: skip


def reason_of(code: str) -> str:
    """The reason for a server's own code: `smtp_550`, `channel_not_found`, `http_5xx`, `other`.

    Codes that are not usual fall together by their class, so that no server can make up series.
    """
    if _SMTP.fullmatch(code):
        return f"smtp_{code}" if code in _KNOWN_SMTP else f"smtp_{code[0]}xx"
    if _HTTP.fullmatch(code):
        return f"http_{code[5]}xx"
    return code if code in _KNOWN_SLACK else OTHER


class ApiOutcome(StrEnum):
    """How one request to the Phase API ended."""

    OK = "ok"
    LIMITED = "limited"
    REFUSED = "refused"
    FAILED = "failed"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    NONSENSE = "nonsense"


def api_outcome(outcome: Outcome) -> ApiOutcome:
    """How one try of one request ended, as the transport saw it."""
    match outcome:
        case Document():
            return ApiOutcome.OK
        case Refusal(status=429):
            return ApiOutcome.LIMITED
        case Refusal(status=status):
            return ApiOutcome.REFUSED if 400 <= status < 500 else ApiOutcome.FAILED  # noqa: PLR2004 — HTTP's classes
        case Fault(kind=FaultKind.TIMEOUT):
            return ApiOutcome.TIMEOUT
        case Fault():
            return ApiOutcome.UNREACHABLE
        case Nonsense():
            return ApiOutcome.NONSENSE
        case _:
            assert_never(outcome)
