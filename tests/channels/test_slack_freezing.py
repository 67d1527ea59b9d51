"""The frozen form of a Slack digest: one JSON document with all that is posted, for everybody."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from digest.channels.slack.document import UnreadableError, unpack
from digest.core.content import DeliveryState
from digest.errors import DeliveryError
from digest.sandbox.slack import SlackSandbox
from tests.support.deliveries import (
    chart,
    details,
    envelope,
    headline,
    picture,
    png,
    section,
    slack,
)
from tests.support.passages import parcel
from tests.support.slacking import POST, SlackPassage, channel, count, sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.core.content import Channel

DIGEST = slack(
    headline("up", chart()), details("more"), pictures=(picture(), picture("not-asked-for"))
)


@pytest.fixture
def made() -> Iterator[Channel]:
    with SlackSandbox() as sandbox:
        yield channel(sandbox)


def test_the_document_holds_the_messages_and_the_pictures_they_ask_for(made: Channel) -> None:
    frozen = made.freeze(envelope("#growth", posts=DIGEST))
    assert json.loads(frozen.document) == {
        "version": 1,
        "messages": [
            {"text": "up", "blocks": [section("up"), chart()], "thread": False},
            {"text": "more", "blocks": [section("more")], "thread": True},
        ],
        "pictures": [
            {
                "name": "sessions",
                "alt": "sessions went up",
                "title": "Sessions",
                "png": base64.b64encode(png()).decode(),
            }
        ],
    }
    assert (frozen.head, frozen.reference, frozen.remarks) == (b"", None, ())


def test_all_readers_of_a_content_share_one_document(made: Channel) -> None:
    first = envelope("#growth", posts=DIGEST)
    others = [envelope(name, posts=DIGEST) for name in ("#ops", "#alerts")]
    documents = [made.freeze(one).document for one in (first, *others)]
    assert all(document is documents[0] for document in documents)
    assert made.freeze(envelope("#ops")).document != documents[0]


def test_the_same_content_gives_the_same_bytes_whoever_freezes_it(made: Channel) -> None:
    given = envelope("#growth", posts=DIGEST)
    with SlackSandbox() as sandbox:
        assert channel(sandbox).freeze(given).document == made.freeze(given).document


def test_a_tests_document_says_that_it_is_one(made: Channel) -> None:
    made.freeze(envelope("#growth", posts=DIGEST))
    document = made.freeze(envelope("#growth", posts=DIGEST, test=True)).document
    first, second = unpack(document).messages
    assert (first.text, second.text) == ("[test] up", "more")
    assert first.blocks[0]["elements"][0]["text"] == "[test] This is only a test."


def test_what_was_not_drawn_is_known_before_anything_is_sent(made: Channel) -> None:
    content = slack(headline("up", chart("a"), chart("b")), pictures=(picture("a"),))
    frozen = made.freeze(envelope("#growth", posts=content))
    assert frozen.remarks == ('chart "b" left out: it was not drawn',)


@pytest.mark.parametrize("name", ["", "two words", "<!channel>", "x" * 100])
def test_who_cannot_be_posted_to_gets_no_bytes(made: Channel, name: str) -> None:
    with pytest.raises(DeliveryError, match="is not a Slack channel: use #name or an id"):
        made.freeze(envelope(name))


def test_a_document_reads_back_as_it_was_packed_whatever_it_says(made: Channel) -> None:
    text = "مرحبا 😀👩‍👩‍👧 \u2028 \x00 <&>"
    content = slack(headline(text, chart()), details(text), pictures=(picture(),))
    document = unpack(made.freeze(envelope("#growth", posts=content)).document)
    assert document.messages == content.messages
    assert [(one.filename, one.png) for one in document.charts] == [("sessions.png", png())]


def test_half_a_character_becomes_a_question_mark(made: Channel) -> None:
    frozen = made.freeze(envelope("#growth", posts=slack(headline("lone \ud800"))))
    assert unpack(frozen.document).messages[0].text == "lone ?"


BROKEN = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"\xff\xfe", id="no text"),
    pytest.param(b"{}", id="no fields"),
    pytest.param(b"[1]", id="a list"),
    pytest.param(b"[" * 100_000, id="deep"),
    pytest.param(b'{"version":2,"messages":[],"pictures":[]}', id="of a later version"),
    pytest.param(b'{"version":1,"messages":[],"pictures":[]}', id="no message"),
    pytest.param(b'{"version":1,"messages":[1],"pictures":[]}', id="a message that is none"),
    pytest.param(
        b'{"version":1,"messages":[{"text":"a","blocks":[],"thread":false}],'
        b'"pictures":[{"name":"a","alt":"","title":"","png":"%%%"}]}',
        id="no base64",
    ),
]


@pytest.mark.parametrize("document", BROKEN)
def test_bytes_that_are_no_document_are_said_to_be_none(document: bytes) -> None:
    with pytest.raises(UnreadableError, match="the stored message"):
        unpack(document)


@pytest.mark.parametrize("document", BROKEN)
def test_an_unreadable_document_fails_alone_and_nothing_is_posted_for_it(document: bytes) -> None:
    with SlackSandbox() as sandbox:
        made = channel(sandbox)
        passage = SlackPassage(made, envelope("#ops"))
        passage._waiting.appendleft(parcel(made, envelope("#growth"), document=document))
        made.deliver(passage)
    passage.settled_once()
    broken, whole = passage.outcomes.values()
    assert broken.state is DeliveryState.FAILED
    assert broken.detail.startswith("#growth: the stored message ")
    assert whole.state is DeliveryState.SENT
    assert count(sandbox, POST) == 1


def test_the_small_form_goes_without_pictures_and_says_so() -> None:
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=DIGEST), small=True)
    assert result.state is DeliveryState.SENT
    assert result.remarks == ('chart "sessions" left out: the message was to be small',)
    assert sandbox.files == {}
    assert [post.blocks for post in sandbox.posts] == [[section("up")], [section("more")]]
