"""Reading back what a channel has: our messages in it, and the channel's id. Bounded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from digest.channels.slack.answers import RefusedError, SlackError
from digest.channels.slack.following import TIMESTAMP
from digest.channels.slack.posting import EVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from slack_sdk.web.slack_response import SlackResponse

    from digest.channels.slack.client import Client
    from digest.channels.slack.pace import Patience

_MOST_PAGES = 10
_MESSAGES, _CHANNELS = 200, 999  # a page
_DAY = 86_400.0
_TOO_MANY = {
    "messages": "too many messages were posted there since then; look for it yourself",
    "channels": "there are too many channels to find its name; give the channel's id (C…) instead",
}
_HISTORY_SCOPES = "channels:history, for a private channel groups:history"
_KINDS = {"public_channel": "channels:read", "private_channel": "groups:read"}


class NotReadError(SlackError):
    """It was not read to its end, or can't be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What was found of one delivery: the headline's timestamp, and the parts that are there.

    `whole` says that everything was read.
    """

    headline: str | None
    parts: frozenset[int]
    whole: bool


class History:
    """The bot's view of the workspace; all calls share one patience."""

    def __init__(self, client: Client, patience: Patience) -> None:
        self._client = client
        self._patience = patience

    def channel_id(self, name: str) -> str:
        """The id of a channel by its name. Raises a SlackError when the bot can't see it."""
        refused: SlackError | None = None
        for kind, scope in _KINDS.items():
            try:
                for channel in self._channels(kind, scope):
                    match channel:
                        case {"id": str(found), "name": str(called)} if called == name.lower():
                            return found
            except RefusedError as error:
                refused = refused or error
        raise refused or NotReadError(
            "the bot sees no channel of that name; give the channel's id (C…) instead"
        )

    def messages(
        self, channel: str, key: str, *, since: float | None, wanted: Collection[int]
    ) -> Traces:
        """Parts of a delivery in the channel itself, from `since` on (None: of its last day).

        Reads until all that are wanted were found, or to the end. Slack pages forward when only
        `oldest` is given and backward when nothing is, so no order is relied on but that the
        newest message comes first when there is no `since`.
        """
        call = partial(
            self._client.conversations_history,
            channel=channel,
            oldest=None if since is None else f"{since:.6f}",
            inclusive=True,
            include_all_metadata=True,
            limit=_MESSAGES,
        )
        found: dict[int, str] = {}
        floor = since
        try:
            for message in self._pages(call, "messages", _HISTORY_SCOPES):
                at = float(message["ts"])
                floor = at - _DAY if floor is None else floor
                part = _part(message, key)
                if part is not None:
                    found[part] = message["ts"]
                if at < floor or found.keys() >= set(wanted):
                    break
        except SlackError:
            if 0 not in found:
                raise
            return Traces(headline=found[0], parts=frozenset(found), whole=False)
        return Traces(headline=found.get(0), parts=frozenset(found), whole=True)

    def is_headline(self, channel: str, ts: str, key: str) -> bool:
        """Whether the message with this timestamp is a delivery's headline (by now)."""
        call = partial(
            self._client.conversations_history,
            channel=channel,
            oldest=ts,
            latest=ts,
            inclusive=True,
            include_all_metadata=True,
            limit=1,
        )
        return any(
            message["ts"] == ts and _part(message, key) == 0
            for message in self._pages(call, "messages", _HISTORY_SCOPES)
        )

    def replies(self, channel: str, headline: str, key: str) -> dict[int, str]:
        """The parts that are in the headline's thread, with their timestamps."""
        call = partial(
            self._client.conversations_replies,
            channel=channel,
            ts=headline,
            include_all_metadata=True,
            limit=_MESSAGES,
        )
        parts = {
            _part(message, key): str(message["ts"])
            for message in self._pages(call, "messages", _HISTORY_SCOPES)
        }
        return {part: ts for part, ts in parts.items() if part is not None}

    def _channels(self, kind: str, scope: str) -> Iterator[dict[str, Any]]:
        call = partial(
            self._client.conversations_list, types=kind, exclude_archived=True, limit=_CHANNELS
        )
        return self._pages(call, "channels", scope)

    def _pages(
        self, call: Callable[..., SlackResponse], name: str, scope: str
    ) -> Iterator[dict[str, Any]]:
        """Every item of a list that comes in pages. Raises a SlackError."""
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            told = self._page(partial(call, cursor=cursor), scope)
            items = told.get(name)
            if not isinstance(items, list) or not all(_is_item(item, name) for item in items):
                # Going on would make a message that is there look absent.
                raise NotReadError("the answer was not Slack's")
            yield from items
            cursor = _next(told)
            if cursor is None:
                return
        raise NotReadError(_TOO_MANY[name])

    def _page(self, call: Callable[[], SlackResponse], scope: str) -> SlackResponse:
        try:
            return self._patience.through(call)
        except RefusedError as error:
            if error.code == "missing_scope" and not error.needed:
                raise RefusedError(error.code, scope) from None
            raise


def _is_item(item: object, name: str) -> bool:
    """Whether it is an object, and a message one with a timestamp."""
    if not isinstance(item, dict):
        return False
    return name != "messages" or TIMESTAMP.fullmatch(str(item.get("ts"))) is not None


def _next(told: SlackResponse) -> str | None:
    """The next page's cursor. Raises NotReadError when there is more, but not where."""
    match told.get("response_metadata"):
        case {"next_cursor": str(cursor)} if cursor:
            return cursor
        case _ if told.get("has_more") is True:
            raise NotReadError("Slack did not say where the next page is")
        case _:
            return None


def _part(message: dict[str, Any], key: str) -> int | None:
    """Which part of the delivery it is, or None for any other message."""
    match message.get("metadata"):
        case {"event_type": kind, "event_payload": {"key": found, "part": int(part)}}:
            return part if (kind, found) == (EVENT, key) else None
        case _:
            return None
