"""A page that shows a Slack digest roughly as its readers see it, without Slack."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from digest.render.slack_text import JOINER
from digest.render.templates import Templates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.core.content import SlackContent

PAGE = "shipped/page/slack.html.j2"

# A word joiner beside a mark takes its meaning away, which is how data is kept from acting.
_BOLD = re.compile(rf"(?<![\w*{JOINER}])\*([^*\n]+)\*(?![\w*{JOINER}])")
_ITALIC = re.compile(rf"(?<![\w_{JOINER}])_([^_\n]+)_(?![\w_{JOINER}])")
_CODE = re.compile(rf"(?<!{JOINER})`([^`\n]+)`(?!{JOINER})")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.png")
_STYLES = {"bold": "strong", "italic": "em", "strike": "s", "code": "code"}

Json = dict[str, Any]


def slack_page(content: SlackContent) -> str:
    """HTML of the messages, everything escaped.

    Pictures are files beside the page: `NAME.png` for an image block's picture, or the id of its
    `slack_file`, as `slack.json` has it.
    """
    messages = [
        {"thread": message.thread, "blocks": [_shown(block) for block in message.blocks]}
        for message in content.messages
    ]
    return Templates(None).render(PAGE, {"messages": messages})


def _shown(block: Json) -> Json:
    """A block as the page's template wants it: its texts as markup."""
    match block.get("type"):
        case "header":
            return {"kind": "header", "html": _text(block["text"])}
        case "section":
            fields = [_text(field) for field in block.get("fields", [])]
            html = _text(block["text"]) if "text" in block else Markup()
            return {"kind": "section", "html": html, "fields": fields}
        case "context":
            return {"kind": "context", "texts": [_text(part) for part in block["elements"]]}
        case "image":
            return {"kind": "image", "file": _file(block), "alt": block.get("alt_text", "")}
        case "rich_text":
            return {"kind": "rich", "parts": [_rich(part) for part in block["elements"]]}
        case _:
            return {"kind": "divider"}


def _file(block: Json) -> str:
    """The picture's file, or nothing for what could be an address or lead out of the folder."""
    name = str(block.get("slack_file", {}).get("id") or f"{block.get('picture', '')}.png")
    return name if _FILE_NAME.fullmatch(name) else ""


def _text(value: Json) -> Markup:
    escaped = str(value["text"])
    if value.get("type") == "mrkdwn":
        return _mrkdwn(escaped)
    return _lines(escape(escaped))


def _mrkdwn(text: str) -> Markup:
    """Slack's markup; `&`, `<` and `>` come as entities, so what is left of them is escaped."""
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    html = str(escape(plain))
    for pattern, tag in ((_CODE, "code"), (_BOLD, "strong"), (_ITALIC, "em")):
        html = pattern.sub(rf"<{tag}>\1</{tag}>", html)
    return _lines(Markup(html))  # noqa: S704 — escaped above; only our own tags were added


def _lines(html: Markup) -> Markup:
    return Markup("<br>").join(html.split("\n"))


def _rich(part: Json) -> Json:
    if part.get("type") == "rich_text_list":
        items = [_runs(item.get("elements", [])) for item in part.get("elements", [])]
        return {"kind": part.get("style", "bullet"), "items": items}
    return {"kind": "text", "items": [_runs(part.get("elements", []))]}


def _runs(elements: Sequence[Json]) -> Markup:
    return Markup().join(_run(element) for element in elements)


def _run(element: Json) -> Markup:
    html = _lines(escape(element.get("text", "")))
    for style, tag in _STYLES.items():
        if element.get("style", {}).get(style):
            html = Markup("<{0}>{1}</{0}>").format(Markup(tag), html)  # noqa: S704 — our own tags
    return html
