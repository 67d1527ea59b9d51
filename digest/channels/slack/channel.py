"""The Slack channel: a headline message, its details as replies, one receipt per envelope.

A receipt is about the headline: once that is posted the digest is `sent`, and a reply or a chart
that did not get there is a remark. Sending again would post the headline twice.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.channels._phrases import shown
from digest.channels.slack.answers import (
    NotSentError,
    RateLimitedError,
    RefusedError,
    SlackError,
    UnknownOutcomeError,
)
from digest.channels.slack.blocks import (
    marked_test,
    picture_names,
    pictures_of,
    with_files,
)
from digest.channels.slack.client import Client
from digest.channels.slack.pace import Pace
from digest.channels.slack.uploads import Uploads
from digest.core.content import DeliveryState, Receipt
from digest.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slack_sdk.web.slack_response import SlackResponse

    from digest.channels import Outside
    from digest.channels.slack.settings import SlackSettings
    from digest.core.content import Envelope, SlackMessage

# An id, or a name in any script. Which of the two it is Slack sees for itself.
_RECIPIENT = re.compile(r"#?[\w.-]{1,80}")
_UNKNOWN_IN_A_ROW = 2  # outcomes, after which the rest is put off

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Posted:
    channel: str
    ts: str | None
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Road:
    """What was learnt in one `deliver` call that holds for everything after it."""

    state: DeliveryState | None = None
    detail: str = ""
    unknown_in_a_row: int = 0

    def note(self, error: SlackError | None) -> None:
        """Take in how a headline went."""
        self.unknown_in_a_row += 1
        match error:
            case UnknownOutcomeError() if self.unknown_in_a_row >= _UNKNOWN_IN_A_ROW:
                self.state, self.detail = DeliveryState.RETRY_WAIT, "Slack gives no clear answers"
            case UnknownOutcomeError():
                return
            case NotSentError() | RateLimitedError():
                self.state, self.detail = DeliveryState.RETRY_WAIT, str(error)
            case RefusedError(about_the_bot=True):
                self.state, self.detail = DeliveryState.FAILED, str(error)
            case _:
                self.unknown_in_a_row = 0


class SlackChannel:
    """Posts as one bot of one workspace."""

    def __init__(self, name: str, settings: SlackSettings, outside: Outside) -> None:
        self.name = name
        self._settings = settings
        self._outside = outside
        self._client = Client(settings, outside)
        self._pace = Pace(outside, settings.max_wait)

    def deliver(self, envelopes: tuple[Envelope, ...]) -> tuple[Receipt, ...]:
        """Post each envelope; trouble with Slack or the token settles all that is left."""
        uploads = Uploads(
            self._client,
            self._pace,
            sleep=self._outside.sleep,
            file_wait=self._settings.file_wait,
        )
        road = _Road()
        return tuple(self._deliver(envelope, uploads, road) for envelope in envelopes)

    def probe(self) -> str:
        """Ask Slack who we are (`auth.test`), without posting."""
        try:
            told = self._pace.patiently(self._client.auth_test)
        except SlackError as error:
            raise DeliveryError(str(error)) from None
        scopes = {scope.strip() for scope in told.headers.get("x-oauth-scopes", "").split(",")}
        if scopes != {""} and "chat:write" not in scopes:
            raise DeliveryError("the Slack app lacks the scope chat:write; add it and reinstall")
        charts = scopes == {""} or "files:write" in scopes
        without = "" if charts else "; without the scope files:write there are no charts"
        who, team = shown(str(told.get("user"))), shown(str(told.get("team")))
        return f"Slack knows the bot {who} of the workspace {team}{without}"

    def _deliver(self, envelope: Envelope, uploads: Uploads, road: _Road) -> Receipt:
        obstacle = _obstacle(envelope)
        if obstacle:
            return Receipt(key=envelope.key, state=DeliveryState.FAILED, detail=obstacle)
        if road.state is not None:
            return Receipt(key=envelope.key, state=road.state, detail=road.detail)
        content = envelope.content.slack
        uploaded = uploads.of(pictures_of(content), content.pictures)
        remarks = [f'chart "{name}" left out: {why}' for name, why in uploaded.missing.items()]
        headline, *others = marked_test(content) if envelope.test else content.messages
        try:
            first = self._post(envelope, headline, uploaded.files, part=0)
        except SlackError as error:
            road.note(error)
            return Receipt(key=envelope.key, state=_state(error), detail=_detail(envelope, error))
        road.note(None)
        remarks += first.remarks
        for part, message in enumerate(others, start=1):
            remarks += self._follow(envelope, message, uploaded.files, part=part, first=first)
        logger.info("posted", extra={"action": "slack_sent", "key": envelope.key.digest})
        return Receipt(
            key=envelope.key,
            state=DeliveryState.SENT,
            reference=first.ts,
            remarks=tuple(remarks),
        )

    def _follow(
        self,
        envelope: Envelope,
        message: SlackMessage,
        files: Mapping[str, str],
        *,
        part: int,
        first: _Posted,
    ) -> tuple[str, ...]:
        """Post what comes after the headline; what went wrong is only remarked on."""
        if message.thread and first.ts is None:
            return (f"part {part + 1} left out: Slack did not say where the thread is",)
        try:
            return self._post(envelope, message, files, part=part, first=first).remarks
        except UnknownOutcomeError as error:
            return (f"part {part + 1} may be missing: {error}",)
        except SlackError as error:
            return (f"part {part + 1} left out: {error}",)

    def _post(
        self,
        envelope: Envelope,
        message: SlackMessage,
        files: Mapping[str, str],
        *,
        part: int,
        first: _Posted | None = None,
    ) -> _Posted:
        """Post one message; again without its pictures when Slack does not take them."""
        shown_files = {name: files[name] for name in picture_names(message.blocks) if name in files}
        try:
            told = self._send(envelope, message, shown_files, part=part, first=first)
            remarks: tuple[str, ...] = ()
        except RefusedError as error:
            if not shown_files or not error.about_blocks:
                raise
            told = self._send(envelope, message, {}, part=part, first=first)
            remarks = tuple(
                f'chart "{name}" left out: Slack did not take it in the message'
                for name in shown_files
            )
        channel, ts = told.get("channel"), told.get("ts")
        return _Posted(
            channel=channel if isinstance(channel, str) else envelope.recipient,
            ts=ts if isinstance(ts, str) else None,
            remarks=remarks,
        )

    def _send(
        self,
        envelope: Envelope,
        message: SlackMessage,
        files: Mapping[str, str],
        *,
        part: int,
        first: _Posted | None,
    ) -> SlackResponse:
        placed = with_files(message.blocks, files)
        channel = first.channel if first else envelope.recipient
        return self._pace.post(
            envelope.recipient,
            lambda: self._client.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=placed or None,
                thread_ts=first.ts if first and message.thread else None,
                unfurl_links=False,
                unfurl_media=False,
                metadata={
                    "event_type": "digest_delivery",
                    "event_payload": {"key": envelope.key.digest, "part": part},
                },
            ),
        )


def _obstacle(envelope: Envelope) -> str:
    """Why this can't be posted at all, or nothing."""
    if _RECIPIENT.fullmatch(envelope.recipient) is None:
        return f"{shown(envelope.recipient)} is not a Slack channel: use #name or an id such as C0…"
    if not envelope.content.slack.messages:
        return "there is nothing to post"
    return ""


def _state(error: SlackError) -> DeliveryState:
    match error:
        case NotSentError() | RateLimitedError() | RefusedError(passing=True):
            return DeliveryState.RETRY_WAIT
        case UnknownOutcomeError():
            return DeliveryState.UNCERTAIN
        case _:
            return DeliveryState.FAILED


def _detail(envelope: Envelope, error: SlackError) -> str:
    return f"{envelope.recipient}: {error}"
