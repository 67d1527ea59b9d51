"""The shapes in which Slack takes arguments and gives messages, files and pages."""

from __future__ import annotations

import json
import math
import mimetypes
import struct
from typing import TYPE_CHECKING, Any

from digest.sandbox.slack_store import BOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from werkzeug.wrappers import Request

    from digest.sandbox.slack_store import Post, SlackFile

_MAX_PAGE = 1000
_JSON_FIELDS = ("blocks", "attachments", "metadata", "files")
_PNG = b"\x89PNG\r\n\x1a\n"

WHO: Mapping[str, Any] = {
    "url": "https://sandbox.slack.test/",
    "team": "Sandbox",
    "user": "digest",
    "team_id": "T0000000001",
    "user_id": BOT,
    "bot_id": "B0000000001",
}


def message_shape(
    post: Post, *, metadata: bool = True, has_replies: bool = False
) -> dict[str, Any]:
    """A message as Slack lists it; its metadata only when asked for.

    One with replies is in its own thread.
    """
    message: dict[str, Any] = {
        "type": "message",
        "user": post.user,
        "text": post.text,
        "ts": post.ts,
    }
    if post.user == WHO["user_id"]:
        message["bot_id"] = WHO["bot_id"]
    if post.edited:
        message["edited"] = {"user": post.user, "ts": post.edited}
    if post.blocks:
        message["blocks"] = post.blocks
    if post.thread_ts or has_replies:
        message["thread_ts"] = post.thread_ts or post.ts
    if metadata and post.metadata:
        message["metadata"] = post.metadata
    return message


def file_shape(file: SlackFile, *, ready: bool) -> dict[str, Any]:
    """A file that has not been processed yet has no type and no picture."""
    about: dict[str, Any] = {"id": file.file_id, "name": file.name, "title": file.title}
    if not ready:
        return {**about, "mimetype": "", "filetype": ""}
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    about |= {"mimetype": kind, "filetype": kind.rpartition("/")[2], "size": len(file.data)}
    if file.data.startswith(_PNG):
        width, height = struct.unpack(">II", file.data[16:24])
        about |= {"original_w": width, "original_h": height, "alt_txt": file.alt}
    return about


def one_page(
    found: list[dict[str, Any]], payload: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """One page and where the next begins; a cursor is the number of items before it."""
    size = max(1, min(int(payload.get("limit") or 100), _MAX_PAGE))
    start = int(payload.get("cursor") or 0)
    after = str(start + size) if start + size < len(found) else ""
    return found[start : start + size], {"response_metadata": {"next_cursor": after}}


def more(metadata: Mapping[str, Any]) -> bool:
    """Whether another page follows, told from the answer's metadata."""
    return bool(metadata["response_metadata"]["next_cursor"])


def between(payload: Mapping[str, Any]) -> Callable[[float], bool]:
    """Whether a timestamp lies between `oldest` and `latest`; the ends only with `inclusive`."""
    oldest, latest = float(payload.get("oldest") or 0), float(payload.get("latest") or math.inf)
    if truth(payload.get("inclusive")):
        return lambda ts: oldest <= ts <= latest
    return lambda ts: oldest < ts < latest


def truth(value: object) -> bool:
    """Whether an argument says yes, in JSON or in a form."""
    return value in {True, "true", "1"}


def payload_of(request: Request) -> dict[str, Any]:
    """The arguments of a call: JSON, form or query; JSON inside a form is unpacked."""
    if request.mimetype == "application/json":
        body = request.get_json(silent=True)
        return body if isinstance(body, dict) else {}
    payload: dict[str, Any] = {**request.args.to_dict(), **request.form.to_dict()}
    for name in _JSON_FIELDS:
        if isinstance(payload.get(name), str):
            try:
                payload[name] = json.loads(payload[name])
            except ValueError:
                continue  # stays text, and is refused as such
    return payload
