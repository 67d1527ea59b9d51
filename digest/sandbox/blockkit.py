"""Slack's rules for blocks, as sentences about what breaks them.

Each sentence ends in a JSON pointer, as Slack's own do. Limits count characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MAX_BLOCKS = 50
MAX_ALL_TEXT = 13_200
"""Slack's documentation is silent; `msg_blocks_too_long` has been seen from about here on."""

_HEADER, _SECTION, _FIELD, _BUTTON = 150, 3000, 2000, 75
_FIELDS, _ELEMENTS, _ACTIONS = 10, 10, 25
_ALT, _TITLE, _URL, _ID, _MARKDOWN = 2000, 2000, 3000, 255, 12_000

_KEYS = {
    "header": {"text"},
    "section": {"text", "fields", "accessory", "expand"},
    "divider": set[str](),
    "image": {"image_url", "slack_file", "alt_text", "title"},
    "context": {"elements"},
    "actions": {"elements"},
    "rich_text": {"elements"},
    "markdown": {"text"},
}
_TEXT_KEYS = {
    "plain_text": {"type", "text", "emoji"},
    "mrkdwn": {"type", "text", "verbatim"},
}


@dataclass(frozen=True, slots=True)
class BlockKit:
    """Checks blocks. `file_ready` says whether a file id exists and has been processed."""

    file_ready: Callable[[str], bool]

    def problems(self, blocks: Any) -> list[str]:
        """Everything that Slack would refuse in these blocks; empty when they are fine."""
        if not isinstance(blocks, list):
            return [_say("must be an array", "/blocks")]
        if len(blocks) > MAX_BLOCKS:
            return [_say(f"no more than {MAX_BLOCKS} items allowed", "/blocks")]
        found = [
            problem
            for number, block in enumerate(blocks)
            for problem in self._block(block, f"/blocks/{number}")
        ]
        ids = [b["block_id"] for b in blocks if isinstance(b, dict) and b.get("block_id")]
        if len({str(block_id) for block_id in ids}) < len(ids):
            found.append(_say("block_id must be unique", "/blocks"))
        return found

    def _block(self, block: Any, at: str) -> Iterator[str]:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind not in _KEYS:
            yield _say(f"unsupported type: {kind}", f"{at}/type")
            return
        for extra in sorted(block.keys() - _KEYS[kind] - {"type", "block_id"}):
            yield _say(f"invalid additional property: {extra}", at)
        yield from _length(block.get("block_id", "x"), _ID, f"{at}/block_id")
        match kind:
            case "header":
                yield from _text(block.get("text"), _HEADER, f"{at}/text", kinds=("plain_text",))
            case "section":
                yield from self._section(block, at)
            case "image":
                yield from self._image(block, at)
            case "context":
                yield from _items(block, "elements", _ELEMENTS, at, self._context_element)
            case "actions":
                yield from _items(block, "elements", _ACTIONS, at, _button)
            case "rich_text":
                yield from _items(block, "elements", MAX_BLOCKS, at, _rich_element)
            case "markdown":
                yield from _length(block.get("text"), _MARKDOWN, f"{at}/text")
            case _:
                return  # a divider has nothing to get wrong

    def _section(self, block: Mapping[str, Any], at: str) -> Iterator[str]:
        if "text" not in block and "fields" not in block:
            yield _say("missing required field: text or fields", at)
        if "text" in block:
            yield from _text(block["text"], _SECTION, f"{at}/text")
        if "fields" in block:
            yield from _items(block, "fields", _FIELDS, at, _field)
        if "accessory" in block:
            accessory = block["accessory"]
            kind = accessory.get("type") if isinstance(accessory, dict) else None
            check = self._image if kind == "image" else _button
            yield from check(accessory, f"{at}/accessory")

    def _image(self, block: Mapping[str, Any], at: str) -> Iterator[str]:
        yield from _length(block.get("alt_text"), _ALT, f"{at}/alt_text")
        if "title" in block:
            yield from _text(block["title"], _TITLE, f"{at}/title", kinds=("plain_text",))
        if ("image_url" in block) == ("slack_file" in block):
            yield _say("exactly one of image_url and slack_file is required", at)
        elif "image_url" in block:
            yield from _length(block["image_url"], _URL, f"{at}/image_url")
            if not str(block["image_url"]).startswith(("http://", "https://")):
                yield _say("invalid url", f"{at}/image_url")
        else:
            file = block["slack_file"]
            file_id = file.get("id") if isinstance(file, dict) else None
            if not isinstance(file_id, str) or not self.file_ready(file_id):
                yield _say("invalid slack file", f"{at}/slack_file")

    def _context_element(self, element: Any, at: str) -> Iterator[str]:
        if isinstance(element, dict) and element.get("type") == "image":
            yield from self._image(element, at)
        else:
            yield from _text(element, _SECTION, at)


def all_text(blocks: Any) -> int:
    """Characters of every text in the blocks, wherever it stands."""
    if isinstance(blocks, list):
        return sum(all_text(item) for item in blocks)
    if isinstance(blocks, dict):
        return sum(
            len(value)
            if key in {"text", "alt_text"} and isinstance(value, str)
            else all_text(value)
            for key, value in blocks.items()
        )
    return 0


def _say(what: str, at: str) -> str:
    return f"[ERROR] {what} [json-pointer:{at}]"


def _length(value: Any, most: int, at: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield _say("must be a string", at)
    elif not value:
        yield _say("must be more than 0 characters", at)
    elif len(value) > most:
        yield _say(f"must be less than {most + 1} characters", at)


def _text(
    text: Any, most: int, at: str, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")
) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        yield _say(f"must be a text object of type {' or '.join(kinds)}", at)
        return
    for extra in sorted(text.keys() - _TEXT_KEYS[text["type"]]):
        yield _say(f"invalid additional property: {extra}", at)
    yield from _length(text.get("text"), most, f"{at}/text")


def _items(
    block: Mapping[str, Any],
    name: str,
    most: int,
    at: str,
    check: Callable[[Any, str], Iterator[str]],
) -> Iterator[str]:
    items = block.get(name)
    if not isinstance(items, list) or not items:
        yield _say("must be an array with at least one item", f"{at}/{name}")
    elif len(items) > most:
        yield _say(f"no more than {most} items allowed", f"{at}/{name}")
    else:
        for number, item in enumerate(items):
            yield from check(item, f"{at}/{name}/{number}")


def _field(item: Any, at: str) -> Iterator[str]:
    yield from _text(item, _FIELD, at)


def _button(item: Any, at: str) -> Iterator[str]:
    if not isinstance(item, dict) or item.get("type") != "button":
        yield _say("unsupported type", f"{at}/type")
        return
    yield from _text(item.get("text"), _BUTTON, f"{at}/text", kinds=("plain_text",))
    if "url" in item:
        yield from _length(item["url"], _URL, f"{at}/url")


def _rich_element(item: Any, at: str) -> Iterator[str]:
    kinds = {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}
    if not isinstance(item, dict) or item.get("type") not in kinds:
        yield _say("unsupported type", f"{at}/type")
    elif not isinstance(item.get("elements"), list):
        yield _say("must be an array", f"{at}/elements")
