"""Posting one message, or changing it, and the replies under a headline that is posted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digest.channels.slack.answers import (
    RefusedError,
    RepeatableError,
    SlackError,
    UnknownOutcomeError,
)
from digest.channels.slack.blocks import picture_names, with_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from digest.channels.slack.client import Client
    from digest.channels.slack.pace import Pace
    from digest.core.content import DeliveryKey, SlackMessage

EVENT = "digest_delivery"
"""The type of the metadata in which every message carries its key and its part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Where a message is; Slack says both of them with its yes, usually."""

    channel: str | None
    ts: str | None


def files_in(message: SlackMessage, files: Mapping[str, str]) -> dict[str, str]:
    """Those of the files that this message shows."""
    return {name: files[name] for name in picture_names(message.blocks) if name in files}


def not_taken(names: Iterable[str]) -> tuple[str, ...]:
    """A sentence for each chart that was uploaded for nothing."""
    return tuple(f'chart "{name}" left out: Slack did not take it in the message' for name in names)


def _mark(key: DeliveryKey, part: int) -> dict[str, Any]:
    """What a look recognises a message by."""
    return {"event_type": EVENT, "event_payload": {"key": key.digest, "part": part}}


class Poster:
    """Posts messages as the bot."""

    def __init__(self, client: Client, pace: Pace) -> None:
        self._client = client
        self._pace = pace

    def post(
        self,
        key: DeliveryKey,
        message: SlackMessage,
        files: Mapping[str, str],
        *,
        part: int,
        under: Posted | None = None,
    ) -> Posted:
        """One call, without any waiting. Raises a SlackError.

        `under` is the headline that this message comes after.
        """
        told = self._pace.once(
            key.recipient,
            lambda: self._client.chat_postMessage(
                channel=(under.channel if under else None) or key.recipient,
                text=message.text,
                blocks=with_files(message.blocks, files) or None,
                thread_ts=under.ts if under and message.thread else None,
                unfurl_links=False,
                unfurl_media=False,
                metadata=_mark(key, part),
            ),
        )
        channel, ts = told.get("channel"), told.get("ts")
        return Posted(
            channel=channel if isinstance(channel, str) else None,
            ts=ts if isinstance(ts, str) else None,
        )

    def change(
        self,
        key: DeliveryKey,
        message: SlackMessage,
        files: Mapping[str, str],
        *,
        channel: str,
        ts: str,
    ) -> Posted:
        """Turn the message that is there into this headline; the same again changes nothing.

        One call, without any waiting. Raises a SlackError.
        """
        try:
            self._pace.once(
                key.recipient,
                lambda: self._client.chat_update(
                    channel=channel,
                    ts=ts,
                    text=message.text,
                    blocks=with_files(message.blocks, files),  # without any, the old ones go
                    metadata=_mark(key, 0),
                ),
            )
        except UnknownOutcomeError as error:
            sentence = f"{error} (the message is changed again later, which does no harm)"
            raise RepeatableError(sentence, error.code) from None
        return Posted(channel=channel, ts=ts)

    def follow(
        self,
        key: DeliveryKey,
        parts: Mapping[int, SlackMessage],
        files: Mapping[str, str],
        headline: Posted,
    ) -> tuple[str, ...]:
        """Post what comes after the headline; what went wrong is only remarked on."""
        remarks: list[str] = []
        for part, message in parts.items():
            remarks += self._follow(key, message, files, part=part, headline=headline)
        return tuple(remarks)

    def _follow(
        self,
        key: DeliveryKey,
        message: SlackMessage,
        files: Mapping[str, str],
        *,
        part: int,
        headline: Posted,
    ) -> tuple[str, ...]:
        if message.thread and headline.ts is None:
            return (f"part {part + 1} left out: Slack did not say where the thread is",)
        shown = files_in(message, files)
        try:
            try:
                self._patiently(key, message, shown, part=part, headline=headline)
            except RefusedError as error:
                if not shown or not error.about_blocks:
                    raise
                self._patiently(key, message, {}, part=part, headline=headline)
                return not_taken(shown)
        except UnknownOutcomeError as error:
            return (f"part {part + 1} may be missing: {error}",)
        except SlackError as error:
            return (f"part {part + 1} left out: {error}",)
        return ()

    def _patiently(
        self,
        key: DeliveryKey,
        message: SlackMessage,
        files: Mapping[str, str],
        *,
        part: int,
        headline: Posted,
    ) -> None:
        self._pace.turn(key.recipient)
        self._pace.patiently(
            lambda: self.post(key, message, files, part=part, under=headline),
        )
