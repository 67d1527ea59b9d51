"""Names from outside in messages about alerts: data, never mark-up, a mention or a header."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

from digest.core.content import Picture
from digest.core.report_model import Note, Tone
from digest.render import Renderer, slack_page
from digest.render.fitting import MAX_HTML_BYTES
from digest.render.sample_alerts import firing, notice_of, sample_notices, still_firing
from digest.sandbox.blockkit import MAX_ALL_TEXT, BlockKit, all_text
from tests.support.rendered import (
    HOSTILE_NAMES,
    Structure,
    as_posted,
    slack_strings,
    slack_text,
)

if TYPE_CHECKING:
    from digest.core.content import Content

LIVE = re.compile(r"<[!@#a-z]|(?<![\w.])@(here|channel|everyone)|(?<!\u2060)\bhttps?://\w")
TURNING = re.compile(
    "[\u202a-\u202e\u2066-\u2069\u200b\ufeff\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"
)
every_name = pytest.mark.parametrize(
    "name", [pytest.param(name, id=case) for case, name in HOSTILE_NAMES.items()]
)


@cache
def rendered(name: str) -> Content:
    """One that fires and one that fires still, with the name wherever one from outside can be."""
    named = name or " "  # an empty field is left out, which is no matter of escaping
    causes = tuple(replace(one, value=named, sentence=named) for one in firing().causes)
    items = tuple(
        replace(
            item,
            alert=named,
            title=named,
            what=named,
            measured=named,
            bound=named,
            clear=named,
            subject=named,
            reason=named,
            unusual=named,
            owner=named,
            action=named,
            causes=causes,
            held=replace(still_firing().held, why=named),  # type: ignore[type-var]
        )
        for item in (firing(), replace(still_firing(), picture=""))
    )
    notes = (Note(text=named), Note(text=named, tone=Tone.WARNING))
    notice = replace(notice_of(*items), name=named, app_title=named, notes=notes)
    pictures = tuple(
        replace(one, title=named, alt=f"{named}: 64.1 %")
        for one in sample_notices()["firing"][1]
        if isinstance(one, Picture)
    )
    return Renderer(None).notice(notice, pictures)


@every_name
def test_a_name_adds_no_element_and_no_attribute(name: str) -> None:
    page, harmless = (Structure(rendered(one).email.html) for one in (name, "add to cart"))
    assert page.elements == harmless.elements
    assert page.links == harmless.links
    assert page.comments == harmless.comments


@every_name
def test_a_name_keeps_the_subject_on_one_line_and_turns_nothing(name: str) -> None:
    content = rendered(name)
    subject = content.email.subject
    assert subject.splitlines() == [subject]
    assert subject.startswith("[firing] ")
    assert len(subject) <= 120
    for text in (subject, content.email.html, content.email.text, slack_text(content.slack)):
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
    page, harmless = (Structure(slack_page(rendered(one).slack)) for one in (name, "add to cart"))
    if len(name) < 1000:  # of longer ones the last blocks are left out
        assert page.elements == harmless.elements
    assert set(page.elements) <= set(harmless.elements)
    assert page.links == harmless.links


@pytest.mark.parametrize("case", ["html", "template", "channel", "quotes", "formula"])
def test_a_name_is_readable_as_it_was_typed(case: str) -> None:
    name, content = HOSTILE_NAMES[case], rendered(HOSTILE_NAMES[case])
    assert name in Structure(content.email.html).text
    assert name in " ".join(content.email.text.split())
    assert name in slack_text(content.slack)
