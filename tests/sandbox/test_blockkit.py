"""Block Kit limits: just inside passes, one more is refused where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from digest.sandbox.blockkit import BlockKit, all_text

KIT = BlockKit(lambda file_id: file_id == "F1")
Block = dict[str, Any]


def plain(length: int) -> Block:
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length: int) -> Block:
    return {"type": "mrkdwn", "text": "x" * length}


def button(length: int = 1) -> Block:
    return {"type": "button", "text": plain(length), "url": "https://example.com"}


def image(**more: Any) -> Block:
    return {"type": "image", "alt_text": "a", **more}


SLACK_FILE = {"slack_file": {"id": "F1"}}
GOOD: dict[str, Block] = {
    "header": {"type": "header", "text": plain(150)},
    "section": {"type": "section", "text": mrkdwn(3000), "block_id": "b"},
    "fields": {"type": "section", "fields": [mrkdwn(2000)] * 10},
    "accessory": {"type": "section", "text": plain(1), "accessory": image(**SLACK_FILE)},
    "button-accessory": {"type": "section", "text": plain(1), "accessory": button()},
    "divider": {"type": "divider"},
    "file": image(**SLACK_FILE),
    "url": image(image_url="https://example.com/a.png", title=plain(2000)),
    "alt": {**image(**SLACK_FILE), "alt_text": "x" * 2000},
    "context": {"type": "context", "elements": [mrkdwn(1)] * 9 + [image(**SLACK_FILE)]},
    "actions": {"type": "actions", "elements": [button(75)] * 25},
    "rich-text": {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": []}],
    },
    "markdown": {"type": "markdown", "text": "x" * 12_000},
}
BAD: dict[str, tuple[Any, str]] = {
    "type": ({"type": "nope"}, "unsupported type: nope"),
    "no-dict": ("text", "unsupported type: None"),
    "extra": ({"type": "divider", "text": "x"}, "invalid additional property: text"),
    "header-long": ({"type": "header", "text": plain(151)}, "less than 151 characters"),
    "header-mrkdwn": ({"type": "header", "text": mrkdwn(1)}, "of type plain_text"),
    "header-empty": ({"type": "header", "text": plain(0)}, "more than 0 characters"),
    "section-long": ({"type": "section", "text": mrkdwn(3001)}, "less than 3001 characters"),
    "section-nothing": ({"type": "section"}, "missing required field: text or fields"),
    "section-number": ({"type": "section", "text": {"type": "mrkdwn", "text": 1}}, "be a string"),
    "text-extra": (
        {"type": "section", "text": {**mrkdwn(1), "emoji": True}},
        "invalid additional property: emoji",
    ),
    "fields-many": ({"type": "section", "fields": [plain(1)] * 11}, "no more than 10 items"),
    "field-long": ({"type": "section", "fields": [plain(2001)]}, "less than 2001 characters"),
    "fields-none": ({"type": "section", "fields": []}, "at least one item"),
    "accessory": ({"type": "section", "text": plain(1), "accessory": 1}, "unsupported type"),
    "image-none": (image(), "exactly one of image_url and slack_file"),
    "image-both": (image(image_url="https://x", **SLACK_FILE), "exactly one of"),
    "image-data": (image(image_url="data:image/png;base64,x"), "invalid url"),
    "image-file": (image(slack_file={"id": "F2"}), "invalid slack file"),
    "image-file-odd": (image(slack_file="F1"), "invalid slack file"),
    "alt-none": ({"type": "image", **SLACK_FILE}, "must be a string"),
    "alt-long": ({**image(**SLACK_FILE), "alt_text": "x" * 2001}, "less than 2001 characters"),
    "context-many": ({"type": "context", "elements": [mrkdwn(1)] * 11}, "no more than 10 items"),
    "context-none": ({"type": "context", "elements": []}, "at least one item"),
    "context-divider": ({"type": "context", "elements": [{"type": "divider"}]}, "text object"),
    "button-long": ({"type": "actions", "elements": [button(76)]}, "less than 76 characters"),
    "rich-text": ({"type": "rich_text", "elements": [{"type": "x"}]}, "unsupported type"),
    "rich-text-flat": (
        {"type": "rich_text", "elements": [{"type": "rich_text_list"}]},
        "must be an array",
    ),
    "markdown-long": ({"type": "markdown", "text": "x" * 12_001}, "less than 12001 characters"),
    "block-id": ({"type": "divider", "block_id": "x" * 256}, "less than 256 characters"),
}


@pytest.mark.parametrize("block", GOOD.values(), ids=list(GOOD))
def test_a_block_inside_the_limits_passes(block: Block) -> None:
    assert KIT.problems([block]) == []


@pytest.mark.parametrize(("block", "said"), BAD.values(), ids=list(BAD))
def test_a_block_outside_is_refused_and_says_where(block: Any, said: str) -> None:
    problems = KIT.problems([GOOD["divider"], block])
    assert len(problems) == 1
    assert said in problems[0]
    assert "[json-pointer:/blocks/1" in problems[0]


def test_fifty_blocks_pass_and_one_more_does_not() -> None:
    assert KIT.problems([{"type": "divider"}] * 50) == []
    assert KIT.problems([{"type": "divider"}] * 51) != []


def test_block_ids_are_unique() -> None:
    assert KIT.problems([{"type": "divider", "block_id": "a"}] * 2) != []


def test_blocks_are_a_list() -> None:
    assert KIT.problems({"type": "divider"}) == ["[ERROR] must be an array [json-pointer:/blocks]"]


def test_all_text_is_counted_wherever_it_stands() -> None:
    blocks = [GOOD["header"], GOOD["fields"], GOOD["context"], image(**SLACK_FILE)]
    assert all_text(blocks) == 150 + 20_000 + 9 + 1 + 1
