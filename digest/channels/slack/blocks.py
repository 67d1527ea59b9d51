"""Blocks with their pictures in place, or without them. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from digest.core.content import SlackContent, SlackMessage

_MOST_BLOCKS = 50
_TEST_MARK = "[test]"


def with_files(
    blocks: Iterable[Mapping[str, Any]], files: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The blocks as Slack takes them: `files` maps a picture's name to its file id.

    A picture without a file is left out.
    """
    placed = []
    for block in blocks:
        name = block.get("picture")
        if name is None:
            placed.append(dict(block))
        elif name in files:
            rest = {key: value for key, value in block.items() if key != "picture"}
            placed.append({**rest, "slack_file": {"id": files[name]}})
    return placed


def picture_names(blocks: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The pictures that these blocks ask for, each once."""
    asked = (block["picture"] for block in blocks if "picture" in block)
    return tuple(dict.fromkeys(asked))


def pictures_of(messages: Iterable[SlackMessage]) -> tuple[str, ...]:
    """The pictures that all messages together ask for, each once."""
    return picture_names(block for message in messages for block in message.blocks)


def marked_test(content: SlackContent) -> tuple[SlackMessage, ...]:
    """The messages, the first of which says that it is only a test."""
    if not content.messages:
        return ()
    first, *others = content.messages
    note: dict[str, Any] = {
        "type": "context",
        "elements": [{"type": "plain_text", "text": f"{_TEST_MARK} This is only a test."}],
    }
    room = first.blocks and len(first.blocks) < _MOST_BLOCKS
    marked = replace(
        first,
        text=first.text if _TEST_MARK in first.text else f"{_TEST_MARK} {first.text}",
        blocks=(note, *first.blocks) if room else first.blocks,
    )
    return (marked, *others)
