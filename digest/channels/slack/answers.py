"""What an answer of Slack's Web API means: pure decisions, and the words for them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TOO_MANY = 429
_ANSWERED, _BROKEN = 200, 500
_SHORTEST_WAIT, _USUAL_WAIT, _LONGEST_WAIT = 1.0, 30.0, 86_400.0  # seconds

# Slack says of these itself that part of the work may have been done.
_AMBIGUOUS = frozenset({"internal_error", "fatal_error"})
_PATIENCE_CODES = frozenset({"ratelimited", "rate_limited"})
_PASSING = frozenset({"service_unavailable", "request_timeout", "team_added_to_org"})
_WHOLE_BOT = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_authed",
        "token_expired",
        "token_revoked",
        "team_access_not_granted",
    }
)
# A proxy or another server stands at base_url, so no channel gets anything.
_ELSEWHERE = frozenset(
    f"http_{status}" for status in (301, 302, 303, 305, 307, 308, 401, 403, 404, 407)
)
_BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "file_not_found"})

_ADVICE = {
    "account_inactive": "the bot was removed from the workspace; install the app again",
    "channel_not_found": (
        "there is no such channel, or it is private and the bot is not in it; check the name or "
        "id, and invite the bot there with /invite"
    ),
    "invalid_auth": "the token is wrong; use the bot token (xoxb-…) of the installed app",
    "invalid_blocks": "Slack does not accept the layout of the message; please report this",
    "is_inactive": "the channel is archived; unarchive it or choose another one",
    "is_archived": "the channel is archived; unarchive it or choose another one",
    "missing_scope": "the app lacks a permission; add the scope and install the app again",
    "msg_blocks_too_long": "the message is too long; show fewer metrics or breakdowns",
    "msg_too_long": "the message is too long; show fewer metrics or breakdowns",
    "not_authed": "no token was sent; set the channel's token",
    "not_in_channel": "the bot is not in the channel; invite it there with /invite",
    "restricted_action": "the workspace does not let this app post there; ask an administrator",
    "token_expired": "the token has expired; make a new one",
    "token_revoked": "the token was revoked; install the app again and use its new token",
}
_CHECK_URL = "is base_url right?"
_LOOK_UP = "see https://docs.slack.dev/reference/methods/chat.postMessage"


class SlackError(Exception):
    """What went wrong, as a sentence for a person. `code` is Slack's word, where it gave one."""

    def __init__(self, sentence: str, code: str = "") -> None:
        self.code = code
        super().__init__(sentence)


class NotSentError(SlackError):
    """Nothing was done, and the same can work later; nothing else will work now either."""


class UnknownOutcomeError(SlackError):
    """It is not known whether it was done."""


class RepeatableError(UnknownOutcomeError):
    """It is not known whether it was done, and doing it again does no harm."""


class RateLimitedError(SlackError):
    """Slack asks to wait `retry_after` seconds; nothing was done."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        sentence = f"Slack asks to wait {retry_after:.0f} s before the next call"
        super().__init__(sentence, "ratelimited")


class RefusedError(SlackError):
    """A definite no. `needed` are the scopes that Slack misses, where it is about those."""

    def __init__(self, code: str, needed: str = "") -> None:
        self.needed = needed
        advice = _ADVICE.get(code) or (_CHECK_URL if code.startswith("http_") else _LOOK_UP)
        scope = f" (scope {needed})" if needed else ""
        super().__init__(f"Slack refused: {code}{scope}; {advice}", code)

    @property
    def passing(self) -> bool:
        """Whether the same call can work later."""
        return self.code in _PASSING

    @property
    def about_the_bot(self) -> bool:
        """Whether it is about the token, the app or base_url, and so holds for every channel."""
        return self.code in _WHOLE_BOT | _ELSEWHERE

    @property
    def about_blocks(self) -> bool:
        """Whether a picture that Slack can't show may be the reason."""
        return self.code in _BAD_BLOCKS


def judge(status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The answer of a call that worked. Raises a SlackError for any other.

    The names of the headers are in lower case.
    """
    if status == TOO_MANY:
        raise RateLimitedError(retry_after(headers.get("retry-after")))
    if status >= _BROKEN:
        raise UnknownOutcomeError(f"Slack answered with HTTP {status}", f"http_{status}")
    data = _object(body)
    if status != _ANSWERED or data is None:
        return _not_slack(status, data)
    if data.get("ok") is True:
        return data
    return _refuse(data, headers)


def _not_slack(status: int, data: dict[str, Any] | None) -> dict[str, Any]:
    """An answer that did not come from the Web API, or not from this method."""
    if status == _ANSWERED:
        raise UnknownOutcomeError("the answer was not Slack's (a proxy, or a wrong base_url?)")
    if data is not None and isinstance(data.get("error"), str):
        return _refuse(data, {})
    if status < _ANSWERED:
        raise UnknownOutcomeError(f"Slack answered with HTTP {status}", f"http_{status}")
    raise RefusedError(f"http_{status}")


def _refuse(data: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    code = _word(data.get("error"))
    if code in _PATIENCE_CODES:
        raise RateLimitedError(retry_after(headers.get("retry-after")))
    if not code or code in _AMBIGUOUS:
        name = code or "an error without a name"
        raise UnknownOutcomeError(f"Slack answered {name}: it may or may not have been done", code)
    raise RefusedError(code, _word(data.get("needed")))


def retry_after(value: str | None) -> float:
    """Seconds to wait: at least 1; 30 when Slack does not say, or says nonsense."""
    text = (value or "").strip()
    if not re.fullmatch(r"[0-9]{1,12}", text):
        return _USUAL_WAIT
    return min(max(float(text), _SHORTEST_WAIT), _LONGEST_WAIT)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _word(value: object) -> str:
    """A code of Slack's, or nothing: no other text of an answer gets into a sentence."""
    found = re.fullmatch(r"[A-Za-z0-9_.:, -]{1,80}", value) if isinstance(value, str) else None
    return found[0] if found else ""
