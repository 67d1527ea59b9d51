from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import SlackContent, SlackMessage
from digest.core.metrics import Dimension
from digest.core.report_model import Breakdown, BreakdownRow
from digest.errors import TemplateError
from digest.render import Renderer, slack_page
from digest.render.sample import samples
from digest.render.slack_blocks import MAX_CHARACTERS, characters, slack_messages
from digest.render.slack_text import inert, mrkdwn, shorten
from digest.sandbox.blockkit import BlockKit
from tests.support.rendered import Structure, as_posted, day, slack_text, week

if TYPE_CHECKING:
    from collections.abc import Sequence

RENDERER = Renderer(None)


def problems(blocks: Sequence[dict[str, Any]]) -> list[str]:
    return BlockKit(lambda _: True).problems(as_posted(blocks))


def messages(*blocks: object, text: str = "x") -> tuple[SlackMessage, ...]:
    document = {"messages": [{"text": text, "blocks": list(blocks)}]}
    return slack_messages(json.dumps(document), "digest.json.j2", {"sessions"})


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


@pytest.mark.parametrize("number", range(len(samples())))
def test_slack_takes_every_block_that_we_write(number: int) -> None:
    for message in RENDERER.slack(*samples()[number]).messages:
        assert problems(message.blocks) == []


def test_a_week_is_a_headline_message_and_a_reply_with_the_details() -> None:
    first, second = RENDERER.slack(*week()).messages
    assert (first.thread, second.thread) == (False, True)
    assert [block["type"] for block in first.blocks][:2] == ["header", "rich_text"]
    assert first.blocks[-1]["type"] == "context"
    details = slack_text(SlackContent(messages=(second,)))
    assert "Top events" in details
    assert "product_viewed" in details
    assert "Biggest movers" in details


@pytest.mark.parametrize("number", [1, 2])
def test_a_day_is_one_short_message(number: int) -> None:
    (message,) = RENDERER.slack(*samples()[number]).messages
    assert len(message.blocks) <= 8
    assert not message.thread


def test_the_rest_is_not_shown_below_a_list_that_is_cut() -> None:
    report, pictures = day()
    part = next(b for b in week()[0].breakdowns if b.dimension is Dimension.SESSIONS_COUNTRY)
    whole = replace(report, breakdowns=(part,))
    longer = replace(part, rows=(part.rows[0], *part.rows))
    cut = replace(report, breakdowns=(longer,))
    assert "Other: 400" in slack_text(RENDERER.slack(whole, pictures))
    assert "Other" not in slack_text(RENDERER.slack(cut, pictures))


def test_the_fallback_text_stands_alone() -> None:
    text = RENDERER.slack(*week()).messages[0].text
    assert text.startswith(
        "Acme Shop · Nov 16\u2009–\u200922, 2026 (UTC): Sessions 2,784 (+12.3\u00a0%) · "
    )
    assert "Events 26,240 (+11.8\u00a0%)" in text


def test_each_picture_is_used_once_and_has_words() -> None:
    content = RENDERER.slack(*week())
    images = [b for m in content.messages for b in m.blocks if b["type"] == "image"]
    assert [image["picture"] for image in images] == [p.name for p in content.pictures]
    assert [image["alt_text"] for image in images] == [p.alt for p in content.pictures]


def test_a_day_without_a_drawn_chart_says_nothing_about_charts() -> None:
    report, _ = day()
    _, pictures = week()
    text = slack_text(RENDERER.slack(report, pictures[2:]))
    assert "there is no chart" not in text


def test_the_largest_breakdowns_still_fit() -> None:
    report, pictures = week()
    rows = tuple(BreakdownRow(value=f"{n}{'y' * 100}", count=10**9, baseline=1) for n in range(50))
    parts = tuple(Breakdown(dimension=d, rows=rows, movers=rows, left=rows) for d in Dimension)
    content = RENDERER.slack(replace(report, breakdowns=parts), pictures)
    for message in content.messages:
        assert problems(message.blocks) == []
        assert characters(list(message.blocks)) <= MAX_CHARACTERS


@pytest.mark.parametrize(
    ("block", "kept"),
    [
        ({"type": "header", "text": plain("x" * 500)}, 150),
        ({"type": "section", "text": {"type": "mrkdwn", "text": "x" * 5000}}, 3000),
        ({"type": "section", "fields": [plain("x")] * 20}, 10),
        ({"type": "section", "fields": [plain("x" * 3000)]}, 2000),
        ({"type": "context", "elements": [plain("x")] * 20}, 10),
        ({"type": "image", "picture": "sessions", "alt_text": "x" * 5000}, 2000),
    ],
)
def test_what_is_too_long_is_shortened(block: dict[str, Any], kept: int) -> None:
    (message,) = messages(block)
    assert characters(list(message.blocks)) == kept
    assert problems(message.blocks) == []


def test_too_many_blocks_are_cut_before_the_footer() -> None:
    footer = {"type": "context", "elements": [plain("the end")]}
    many = [{"type": "section", "text": plain(f"{n}")} for n in range(80)]
    (message,) = messages(*many, footer)
    assert len(message.blocks) == 50
    assert message.blocks[-1] == footer
    assert message.blocks[0]["text"]["text"] == "0"


def test_too_many_characters_are_cut_before_the_footer() -> None:
    footer = {"type": "context", "elements": [plain("the end")]}
    many = [{"type": "section", "text": plain("x" * 2900)} for _ in range(9)]
    (message,) = messages(*many, footer)
    assert [len(b["text"]["text"]) for b in message.blocks[:-1]] == [2900] * 4
    assert message.blocks[-1] == footer


def test_nulls_and_empty_parts_are_dropped() -> None:
    empty_list = {"type": "rich_text_list", "style": "bullet", "elements": [None]}
    section = {
        "type": "rich_text_section",
        "elements": [{"type": "text", "text": "a"}, {"type": "text", "text": ""}, None],
    }
    (message,) = messages(
        None,
        {"type": "rich_text", "elements": [empty_list, section, None]},
        {"type": "rich_text", "elements": [empty_list]},
        {"type": "context", "elements": [None]},
        {"type": "section", "fields": [None]},
        {"type": "divider"},
    )
    kept = {"type": "rich_text_section", "elements": [{"type": "text", "text": "a"}]}
    assert message.blocks == ({"type": "rich_text", "elements": [kept]}, {"type": "divider"})


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"type": "actions", "elements": []}, "block 1: type 'actions' is not one of"),
        ({"type": "image", "picture": "gone", "alt_text": "x"}, "there is no picture 'gone'"),
        ({"type": "image", "image_url": "http://x", "alt_text": "x"}, "there is no picture None"),
        ({"type": "image", "picture": "sessions", "alt_text": " "}, "has no alt_text"),
        ({"type": "section", "text": {"type": "html", "text": "x"}}, "neither plain_text nor"),
        ({"type": "header", "text": plain(" ")}, "a text is empty"),
        ({"type": "context", "elements": "x"}, "'elements' is not a list"),
        ("x", "'blocks' holds something that is not an object"),
    ],
)
def test_what_slack_would_refuse_is_an_error(block: object, message: str) -> None:
    with pytest.raises(TemplateError, match=message) as caught:
        messages(block)
    assert str(caught.value).startswith("digest.json.j2: ")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{'messages': []}", "valid JSON"),
        ("[]", "'messages' is not a list"),
        ('{"messages": []}', "0 messages"),
        ('{"messages": [{"blocks": []}]}', "no text for notifications"),
        ('{"messages": [{"text": " ", "blocks": []}]}', "no text for notifications"),
        ('{"messages": [{"text": "x"}]}', "'blocks' is not a list"),
    ],
)
def test_json_of_another_shape_is_an_error(source: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        slack_messages(source, "digest.json.j2", set())


def test_a_cut_leaves_no_half_entity() -> None:
    assert shorten("ab&amp;cd", 6, escaped=True) == "ab…"
    assert shorten("ab&lt;", 6, escaped=True) == "ab&lt;"
    assert shorten("ab&lt;c", 7, escaped=True) == "ab&lt;c"
    assert shorten("ab&am", 5, escaped=False) == "ab&am"


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
        ("<!channel>", "&lt;\u2060!channel&gt;"),
        ("@here", "@\u2060here"),
        ("me@example.com", "me@\u2060example.com"),
        ("+12.3 %", "+12.3 %"),
        ("3 m 05 s", "3 m 05 s"),
        ("08:30", "08:30"),
        ("add_to_cart", "add\u2060_\u2060to\u2060_\u2060cart"),
    ],
)
def test_mrkdwn_shows_data_as_it_is(raw: str, escaped: str) -> None:
    assert mrkdwn(raw) == escaped


def test_plain_text_is_only_touched_where_something_could_begin() -> None:
    assert inert("Sessions: 12 < 13 & more_than *ever*") == "Sessions: 12 < 13 & more_than *ever*"


def test_the_page_shows_what_slack_shows() -> None:
    content = RENDERER.slack(*week())
    page = Structure(slack_page(content))
    assert page.links == ["sessions.png", "sessions-country.png"]
    for text in (
        "Acme Shop · Nov",
        "2,784",
        "+12.3",
        "was 2,479",
        "product_viewed",
        "reply in thread",
    ):
        assert text in page.text
    assert ("strong", ()) in page.elements
    assert "*Sessions*" not in page.text


@pytest.mark.parametrize(
    ("block", "html"),
    [
        (
            {"type": "section", "text": {"type": "mrkdwn", "text": "*b* _i_ `c`"}},
            "<strong>b</strong>",
        ),
        ({"type": "section", "text": {"type": "mrkdwn", "text": "&lt;b&gt;"}}, "&lt;b&gt;"),
        ({"type": "section", "text": {"type": "plain_text", "text": "*b* &lt;"}}, "*b* &amp;lt;"),
        ({"type": "image", "slack_file": {"id": "a.png"}, "alt_text": "x"}, 'src="a.png"'),
        ({"type": "image", "slack_file": {"id": "http://x/a.png"}, "alt_text": "it"}, ">it</p>"),
        ({"type": "image", "picture": "../a", "alt_text": "it"}, ">it</p>"),
        ({"type": "divider"}, "<hr>"),
    ],
)
def test_the_page_shows_each_kind_of_block(block: dict[str, Any], html: str) -> None:
    content = SlackContent(messages=(SlackMessage(text="x", blocks=(block,)),))
    assert html in slack_page(content)
