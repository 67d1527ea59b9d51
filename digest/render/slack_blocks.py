"""The JSON that a Slack template writes → messages inside Slack's limits.

What is too long is shortened and what is too much is left out, because a digest that is a little
shorter beats one that Slack refuses. What no Slack would take (an unknown block, a picture that
does not exist) is a TemplateError.
"""

from __future__ import annotations

import json
from typing import Any

from digest.core.content import SlackMessage
from digest.errors import TemplateError
from digest.render.slack_text import shorten

MAX_BLOCKS = 50
MAX_CHARACTERS = 12_000
MAX_FALLBACK = 3_000
MAX_HEADER = 150
MAX_SECTION = 3_000
MAX_FIELDS = 10
MAX_FIELD = 2_000
MAX_ALT = 2_000
MAX_TITLE = 2_000
MAX_ELEMENTS = 10
MAX_MESSAGES = 5
_BLOCK_TYPES = ("header", "section", "context", "divider", "image", "rich_text")
_TEXT_KEYS = ("text", "alt_text")

Json = dict[str, Any]


def slack_messages(source: str, where: str, pictures: set[str]) -> tuple[SlackMessage, ...]:
    """The messages in `{"messages": [{"text", "blocks", "thread"}]}`, ready to be posted.

    `where` names the template in errors, `pictures` are the names that image blocks may use. A
    `null` in a list is dropped, so that a template may end each entry with a comma.
    """
    try:
        document = _without_nulls(json.loads(source))
    except ValueError as error:
        raise TemplateError(f"{where}: does not write valid JSON ({error})") from error
    found = document.get("messages") if isinstance(document, dict) else None
    entries = _entries(found, "messages", where)
    if not 1 <= len(entries) <= MAX_MESSAGES:
        raise TemplateError(f"{where}: writes {len(entries)} messages, not 1 to {MAX_MESSAGES}")
    return tuple(_message(entry, where, pictures) for entry in entries)


def characters(blocks: list[Json]) -> int:
    """How many characters a reader sees in these blocks."""
    return sum(_length(block) for block in blocks)


def _message(entry: Json, where: str, pictures: set[str]) -> SlackMessage:
    text = entry.get("text")
    if not isinstance(text, str) or not text.strip():
        raise TemplateError(f"{where}: a message has no text for notifications")
    blocks = [
        _block(block, f"{where}: block {n}", pictures)
        for n, block in enumerate(_entries(entry.get("blocks"), "blocks", where), start=1)
    ]
    return SlackMessage(
        text=shorten(text, MAX_FALLBACK, escaped=True),
        blocks=tuple(_trimmed([block for block in blocks if block])),
        thread=entry.get("thread") is True,
    )


def _entries(value: object, name: str, where: str) -> list[Json]:
    if not isinstance(value, list):
        raise TemplateError(f"{where}: {name!r} is not a list")
    if not all(isinstance(entry, dict) for entry in value):
        raise TemplateError(f"{where}: {name!r} holds something that is not an object")
    return value


def _without_nulls(value: Any) -> Any:
    """The same document without the nulls in its lists."""
    match value:
        case dict():
            return {key: _without_nulls(inner) for key, inner in value.items()}
        case list():
            return [_without_nulls(inner) for inner in value if inner is not None]
        case _:
            return value


def _block(block: Json, where: str, pictures: set[str]) -> Json:
    """The block inside its limits; an empty dict when there is nothing left to show."""
    match block.get("type"):
        case "header":
            return {**block, "text": _text(block.get("text"), MAX_HEADER, where)}
        case "section":
            return _section(block, where)
        case "context":
            elements = _entries(block.get("elements"), "elements", where)[:MAX_ELEMENTS]
            shown = [_text(element, MAX_FIELD, where) for element in elements]
            return {**block, "elements": shown} if shown else {}
        case "image":
            return _image(block, where, pictures)
        case "rich_text":
            return _rich_text(block, where)
        case "divider":
            return {"type": "divider"}
        case unknown:
            known = ", ".join(_BLOCK_TYPES)
            raise TemplateError(f"{where}: type {unknown!r} is not one of {known}")


def _rich_text(block: Json, where: str) -> Json:
    """Without its empty texts, lists and sections, which Slack refuses."""
    elements = _entries(block.get("elements"), "elements", where)
    kept = [_pruned(element) for element in elements if _length(element)]
    return {**block, "elements": kept} if kept else {}


def _pruned(element: Json) -> Json:
    if not isinstance(element.get("elements"), list):
        return element
    return {**element, "elements": [_pruned(e) for e in element["elements"] if _length(e)]}


def _section(block: Json, where: str) -> Json:
    made: Json = {"type": "section"}
    if block.get("text") is not None:
        made["text"] = _text(block["text"], MAX_SECTION, where)
    if block.get("fields") is not None:
        fields = _entries(block["fields"], "fields", where)[:MAX_FIELDS]
        made["fields"] = [_text(field, MAX_FIELD, where) for field in fields]
    return made if made.get("text") or made.get("fields") else {}


def _image(block: Json, where: str, pictures: set[str]) -> Json:
    name, alt = block.get("picture"), block.get("alt_text")
    if name not in pictures:
        raise TemplateError(f"{where}: there is no picture {name!r}")
    if not isinstance(alt, str) or not alt.strip():
        raise TemplateError(f"{where}: the picture has no alt_text")
    made: Json = {
        "type": "image",
        "picture": name,
        "alt_text": shorten(alt, MAX_ALT, escaped=False),
    }
    if block.get("title") is not None:
        made["title"] = _text(block["title"], MAX_TITLE, where)
    return made


def _text(value: Any, limit: int, where: str) -> Json:
    match value:
        case {"type": "plain_text" | "mrkdwn" as kind, "text": str(text)} if text.strip():
            return {**value, "text": shorten(text, limit, escaped=kind == "mrkdwn")}
        case _:
            raise TemplateError(f"{where}: a text is empty or neither plain_text nor mrkdwn")


def _trimmed(blocks: list[Json]) -> list[Json]:
    """Without the last blocks (the footer stays) while there are too many or too long ones."""
    kept = list(blocks)
    while kept and (len(kept) > MAX_BLOCKS or characters(kept) > MAX_CHARACTERS):
        has_footer = len(kept) > 1 and kept[-1]["type"] == "context"
        kept.pop(-2 if has_footer else -1)
    return kept


def _length(value: object) -> int:
    """The length of all texts in a block, however deep."""
    match value:
        case dict():
            own = sum(len(value[key]) for key in _TEXT_KEYS if isinstance(value.get(key), str))
            return own + sum(_length(inner) for inner in value.values())
        case list():
            return sum(_length(inner) for inner in value)
        case _:
            return 0
