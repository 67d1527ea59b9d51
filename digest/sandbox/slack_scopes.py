"""Which permission of the bot each Slack method needs.

A channel whose id begins with G is private, every other one is public.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ALL_SCOPES = (
    "chat:write",
    "files:write",
    "files:read",
    "channels:history",
    "groups:history",
    "channels:read",
    "groups:read",
)
"""What a bot may have here; one that was given nothing in particular has them all."""

_NEEDED = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "files.info": "files:read",
}


def lacking(method: str, payload: Mapping[str, Any], scopes: Collection[str]) -> list[str]:
    """The scopes that this call needs and the bot does not have."""
    return [scope for scope in _needed(method, payload) if scope not in scopes]


def is_private(channel: str) -> bool:
    """Whether a channel with this id is private."""
    return channel.startswith("G")


def kinds(payload: Mapping[str, Any]) -> set[str]:
    """The kinds of channel that `conversations.list` is asked for."""
    asked = str(payload.get("types") or "public_channel")
    return {kind.strip() for kind in asked.split(",")}


def _needed(method: str, payload: Mapping[str, Any]) -> list[str]:
    match method:
        case "conversations.history" | "conversations.replies":
            private = is_private(str(payload.get("channel")))
            return ["groups:history" if private else "channels:history"]
        case "conversations.list":
            needed = {"public_channel": "channels:read", "private_channel": "groups:read"}
            return [scope for kind, scope in needed.items() if kind in kinds(payload)]
        case _:
            return [_NEEDED[method]] if method in _NEEDED else []
