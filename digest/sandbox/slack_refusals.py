"""What Slack refuses of a message: its words, its blocks and its metadata."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from digest.sandbox.blockkit import MAX_ALL_TEXT, BlockKit, all_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_TEXT = 40_000
MAX_METADATA = 8_000
"""Slack names no number for `metadata_too_large`; what identifies a message is far below it."""


class Refusal(Exception):  # noqa: N818 — an answer of the API, not a fault
    """Slack's `ok: false` with its error code, its messages, and what else the answer holds."""

    def __init__(
        self, code: str, messages: Sequence[str] = (), *, more: Mapping[str, Any] | None = None
    ) -> None:
        self.code = code
        self.more: dict[str, Any] = dict(more or {})
        if messages:
            self.more["errors"] = list(messages)
            self.more["response_metadata"] = {"messages": list(messages)}
        super().__init__(code)


def check_words(payload: Mapping[str, Any], is_ready: Callable[[str], bool]) -> None:
    """Text and blocks of a message. `is_ready` says whether a file can be shown. Raises Refusal."""
    text, blocks = str(payload.get("text") or ""), payload.get("blocks")
    if not text and not blocks and not payload.get("attachments"):
        raise Refusal("no_text")
    if len(text) > MAX_TEXT:
        raise Refusal("msg_too_long")
    if blocks is None:
        return
    if not isinstance(blocks, list):
        raise Refusal("invalid_blocks_format")
    problems = BlockKit(is_ready).problems(blocks)
    if problems:
        raise Refusal("invalid_blocks", problems)
    if all_text(blocks) > MAX_ALL_TEXT:
        raise Refusal("msg_blocks_too_long")


def checked_metadata(given: Any) -> tuple[dict[str, Any] | None, list[str]]:
    """What Slack keeps of a message's metadata, and what it warns of. Raises Refusal.

    Metadata of a strange type is dropped and the message posted all the same.
    """
    if given is None:
        return None, []
    if not isinstance(given, dict) or not isinstance(given.get("event_payload"), dict):
        raise Refusal("invalid_metadata_format")
    if len(json.dumps(given)) > MAX_METADATA:
        raise Refusal("metadata_too_large")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", str(given.get("event_type"))):
        return None, ["invalid_metadata_schema"]
    return given, []
