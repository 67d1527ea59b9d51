"""What a test needs to look into rendered messages: HTML structure, Slack texts, odd names."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from digest.core.charts_spec import NoChart
from digest.core.report_model import BreakdownRow, Movement, Note, Tone
from digest.render.sample import samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digest.core.content import Picture, SlackContent
    from digest.core.report_model import Report

HOSTILE_NAMES = {
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "html closing": '"></td></table></body></html><form action="http://evil.example">',
    "comment": "--><!-- <![endif]--> ]]>",
    "template": "{{7*7}} {% for x in y %} {# hidden #}",
    "channel": "<!channel> <!here> <!everyone> @channel @here @everyone",
    "mention": "<@U123> <#C123> <!subteam^S1> <!date^1^{date}|x>",
    "link": "<http://x.example|y> http://x.example javascript:alert(1)",
    "header": "a\r\nBcc: victim@example.com\r\n\r\nbody",
    "lines": "a\n\nb\u2028c\u2029d\x85e\x0bf\x0cg\x00h\x1b[31m",
    "turned": "abc\u202egnp.exe\u2066x\u2069",
    "unseen": "zero\u200bwidth\u200d\ufeff\u2060\u00ad\u180e\U000e0041",
    "long": "x" * 10_000,
    "long words": "lorem ipsum " * 1_000,
    "formula": '=CMD("calc")|A1',
    "emoji": "😀👩‍👩‍👧‍👦🏳️‍🌈 :smile: ::+1::",
    "quotes": "\"quotes\" 'single' `code` ```block``` *bold* _it_ ~s~ & &amp; &#60;",
    "right to left": "مرحبا بالعالم 123",
    "stacked": "Z" + "\u0301\u0337\u0489" * 300,
    "surrogate": "lone \ud800 half",
    "nothing": "",
    "spaces": " \u00a0\u3000\t ",
    "invisible": "\u3164\u115f\u2800",
    "none": "None nan inf",
}


class Structure(HTMLParser):
    """The elements and attributes of a page, its texts, and the addresses it refers to."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[str] = []
        self.links: list[str] = []
        self.comments: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "action"}]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    @property
    def text(self) -> str:
        """All text with single spaces; no-break spaces stay."""
        return " ".join(part for part in "".join(self.texts).replace("\n", " ").split(" ") if part)


def slack_strings(content: SlackContent) -> Iterator[tuple[str, str]]:
    """Every text of the messages as Slack reads it: (`mrkdwn` or `plain`, text)."""
    for message in content.messages:
        yield "mrkdwn", message.text
        for block in message.blocks:
            yield from _strings(block)


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case {"type": "mrkdwn", "text": str(text)}:
            yield "mrkdwn", text
        case dict():
            for key, inner in value.items():
                if isinstance(inner, str):
                    if key in {"text", "alt_text"}:
                        yield "plain", inner
                else:
                    yield from _strings(inner)
        case list():
            for inner in value:
                yield from _strings(inner)
        case _:
            return


def slack_text(content: SlackContent) -> str:
    """What a reader sees, with entities read and invisible joiners taken out."""
    shown = " ".join(text for _, text in slack_strings(content))
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        shown = shown.replace(entity, char)
    return shown.replace("\u2060", "")


def week() -> tuple[Report, tuple[Picture | NoChart, ...]]:
    """The sample week."""
    return samples()[0]


def day() -> tuple[Report, tuple[Picture | NoChart, ...]]:
    """The sample day."""
    return samples()[1]


def named(name: str) -> tuple[Report, tuple[Picture | NoChart, ...]]:
    """The sample week with one name in every place where a name from outside can stand."""
    report, pictures = week()
    rows = (
        BreakdownRow(value=name, count=120, baseline=100, share=60.0, movement=Movement.ROSE),
        BreakdownRow(value=f"{name}2", count=80, baseline=0, share=40.0, movement=Movement.NEW),
    )
    changed = replace(
        report,
        app_title=name,
        title=name,
        job=name,
        verdict=f"{name} rose by 20 % and is now the most frequent one.",
        breakdowns=tuple(
            replace(part, rows=rows, movers=rows, left=rows, note=f"{name} is small.")
            for part in report.breakdowns
        ),
        headlines=tuple(replace(h, note=f"{name} has gaps.") for h in report.headlines),
        notes=(Note(text=f"{name} was new."), Note(text=f"{name} lacks.", tone=Tone.WARNING)),
    )
    return changed, tuple(_renamed(picture, name) for picture in pictures)


def _renamed(picture: Picture | NoChart, name: str) -> Picture | NoChart:
    if isinstance(picture, NoChart):
        return replace(picture, title=name, sentence=f"{name} has no chart.")
    return replace(picture, title=name, alt=f"{name}: 120.")


def as_posted(blocks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks as a channel posts them: with a file's id in place of a picture's name."""
    return [
        {k: v for k, v in block.items() if k != "picture"} | {"slack_file": {"id": "F1"}}
        if block["type"] == "image"
        else block
        for block in blocks
    ]
