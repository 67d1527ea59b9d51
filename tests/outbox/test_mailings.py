"""Content → frozen deliveries: each reader of each channel once, or why there are no bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from digest.core.content import (
    Content,
    DeliveryKey,
    DeliveryKind,
    EmailContent,
    Envelope,
    Follows,
    Frozen,
    SlackContent,
)
from digest.errors import DeliveryError
from digest.outbox.planning import Mailing, frozen
from tests.support.ledgers import NOW, Post

if TYPE_CHECKING:
    from digest.core.content import Channel

MAILING = Mailing(
    install="digest",
    job="monday-email",
    kind=DeliveryKind.DIGEST,
    period="2026-W47",
    generation=2,
    content=Content(
        email=EmailContent(subject="Up", html="<p>Up</p>", text="Up"),
        slack=SlackContent(messages=()),
    ),
    date=NOW,
    to={"mail": ("ana", "ben", "ana"), "slack": ("#team",), "files": ()},
)


def test_there_is_an_envelope_for_each_reader_of_each_channel_once() -> None:
    envelopes = list(MAILING.envelopes())
    assert [(one.key.channel, one.recipient) for one in envelopes] == [
        ("mail", "ana"),
        ("mail", "ben"),
        ("slack", "#team"),
    ]
    assert len({one.key.digest for one in envelopes}) == 3


def test_an_envelope_says_whose_it_is_and_what_is_in_it() -> None:
    envelope = next(MAILING.envelopes())
    assert envelope == Envelope(
        key=DeliveryKey(
            install="digest",
            job="monday-email",
            kind=DeliveryKind.DIGEST,
            period="2026-W47",
            channel="mail",
            recipient="ana",
            generation=2,
        ),
        recipient="ana",
        content=MAILING.content,
        date=NOW,
        list_name="monday-email",
        test=False,
    )


def test_each_reader_follows_the_earlier_message_of_that_channel_and_reader() -> None:
    mailing = replace(MAILING, to={**MAILING.to, "files": ("ana",)})
    earlier = {
        (one.key.channel, one.recipient): Follows(key=replace(one.key, period="2026-W46"))
        for one in mailing.envelopes()
        if one.recipient != "ben"
    }
    del earlier["files", "ana"]
    made = replace(mailing, follows=earlier)
    assert [(one.key.channel, one.recipient, one.follows) for one in made.envelopes()] == [
        ("mail", "ana", earlier["mail", "ana"]),
        ("mail", "ben", None),
        ("slack", "#team", earlier["slack", "#team"]),
        ("files", "ana", None),
    ]
    keys = [one.key for one in mailing.envelopes()]
    assert [one.key for one in made.envelopes()] == keys


@pytest.mark.parametrize("kind", list(DeliveryKind))
def test_only_a_test_is_marked_as_one(kind: DeliveryKind) -> None:
    envelope = next(replace(MAILING, kind=kind).envelopes())
    assert envelope.test is (kind is DeliveryKind.TEST)


def picky(name: str) -> Channel:
    class Picky(Post):
        def freeze(self, envelope: Envelope) -> Frozen:
            if envelope.recipient == "ben":
                raise DeliveryError("'ben' is no address")
            return Frozen(document=self.name.encode(), head=envelope.recipient.encode())

    return Picky(name=name)


def test_each_channel_makes_the_bytes_of_its_own_readers_or_says_why_not() -> None:
    made = [(key.channel, key.recipient, bytes_) for key, bytes_ in frozen(MAILING, picky)]
    assert made == [
        ("mail", "ana", Frozen(document=b"mail", head=b"ana")),
        ("mail", "ben", "'ben' is no address"),
        ("slack", "#team", Frozen(document=b"slack", head=b"#team")),
    ]


def test_a_channel_that_cannot_be_opened_has_no_bytes_for_its_readers() -> None:
    def open_channel(name: str) -> Channel:
        if name == "slack":
            raise DeliveryError("the token can't be read")
        return picky(name)

    made = {key.recipient: bytes_ for key, bytes_ in frozen(MAILING, open_channel)}
    assert made["#team"] == "the token can't be read"


def test_the_bytes_are_made_one_reader_at_a_time() -> None:
    made: list[str] = []

    class Noting(Post):
        def freeze(self, envelope: Envelope) -> Frozen:
            made.append(envelope.recipient)
            return Frozen(document=b"")

    some = frozen(MAILING, lambda name: Noting(name=name))
    next(iter(some))
    assert made == ["ana"]


def test_the_bytes_are_made_anew_for_a_second_pass() -> None:
    some = frozen(MAILING, picky)
    assert list(some) == list(some) != []
