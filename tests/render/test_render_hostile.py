from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from digest.render import Renderer, slack_page
from digest.render.fitting import MAX_HTML_BYTES
from digest.sandbox.blockkit import MAX_ALL_TEXT, BlockKit, all_text
from tests.support.rendered import (
    HOSTILE_NAMES,
    Structure,
    as_posted,
    named,
    slack_strings,
    slack_text,
)

if TYPE_CHECKING:
    from digest.core.content import Content

RENDERER = Renderer(None)


@cache
def rendered(name: str) -> Content:
    return RENDERER.content(*named(name))


HARMLESS = RENDERER.content(*named("add to cart"))
every_name = pytest.mark.parametrize(
    "name", [pytest.param(name, id=case) for case, name in HOSTILE_NAMES.items()]
)
# What Slack would act on: a control sequence in `<…>`, or a bare mention that gets linked.
LIVE = re.compile(r"<[!@#a-z]|(?<![\w.])@(here|channel|everyone)|(?<!\u2060)\bhttps?://\w")
TURNING = re.compile(
    "[\u202a-\u202e\u2066-\u2069\u200b\ufeff\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
)


@every_name
def test_a_name_adds_no_element_and_no_attribute(name: str) -> None:
    email = rendered(name).email
    page, harmless = Structure(email.html), Structure(HARMLESS.email.html)
    assert page.elements == harmless.elements
    assert page.links == harmless.links
    assert page.comments == harmless.comments


@every_name
def test_a_name_keeps_the_subject_on_one_line(name: str) -> None:
    subject = rendered(name).email.subject
    assert subject.splitlines() == [subject]
    assert 10 <= len(subject) <= 120
    assert not TURNING.search(subject)
    assert "Nov 16 – 22, 2026" in subject


@every_name
def test_a_name_turns_nothing_and_hides_nothing(name: str) -> None:
    email, slack = rendered(name).email, rendered(name).slack
    for text in (email.html, email.text, slack_text(slack)):
        assert not TURNING.search(text.replace("\n", " "))
        assert text.encode()


@every_name
def test_a_name_is_never_a_live_mention_or_link_in_slack(name: str) -> None:
    for _, text in slack_strings(rendered(name).slack):
        assert not LIVE.search(text)


@every_name
def test_a_name_stays_inside_every_limit(name: str) -> None:
    content = rendered(name)
    assert len(content.email.html.encode()) <= MAX_HTML_BYTES
    for message in content.slack.messages:
        assert BlockKit(lambda _: True).problems(as_posted(message.blocks)) == []
        assert all_text(list(message.blocks)) <= MAX_ALL_TEXT
        assert len(message.text) <= 3000


@every_name
def test_a_name_cannot_get_out_of_the_slack_page(name: str) -> None:
    page = Structure(slack_page(rendered(name).slack))
    harmless = Structure(slack_page(HARMLESS.slack))
    assert page.elements == harmless.elements
    assert page.links == harmless.links


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (HOSTILE_NAMES["html"], "<script>alert(1)</script><img src=x onerror=alert(1)>"),
        (HOSTILE_NAMES["template"], "{{7*7}} {% for x in y %} {# hidden #}"),
        (HOSTILE_NAMES["channel"], "<!channel> <!here> <!everyone> @channel @here @everyone"),
        (HOSTILE_NAMES["header"], "a Bcc: victim@example.com body"),
        (HOSTILE_NAMES["turned"], "abc\ufffdgnp.exe\ufffdx\ufffd"),
        (HOSTILE_NAMES["formula"], '=CMD("calc")|A1'),
        (HOSTILE_NAMES["emoji"], "😀👩‍👩‍👧‍👦🏳️‍🌈 :smile: ::+1::"),
        (HOSTILE_NAMES["long"], "x" * 79 + "…"),
        (
            HOSTILE_NAMES["quotes"],
            "\"quotes\" 'single' `code` ```block``` *bold* _it_ ~s~ & &amp; &#60;",
        ),
    ],
)
def test_a_name_is_readable_as_it_was_typed(name: str, shown: str) -> None:
    email, slack = rendered(name).email, rendered(name).slack
    assert shown in Structure(email.html).text
    assert shown in " ".join(email.text.split())
    assert shown in slack_text(slack)


@pytest.mark.parametrize("markup", ["*bold*", "_italic_", "~struck~", "`code`", ":smile:"])
def test_markup_in_a_fallback_text_is_taken_apart(markup: str) -> None:
    text = RENDERER.slack(*named(markup)).messages[0].text
    assert markup not in text
    assert markup in text.replace("\u2060", "")
