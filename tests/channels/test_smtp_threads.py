"""A mail that belongs to an earlier one names it, and nothing else of the mail changes."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

import pytest

from digest.channels.smtp.mail import Mail
from digest.channels.smtp.mailbox import parse_mailbox
from digest.channels.smtp.message import head_of, thread_of
from digest.core.content import DeliveryState, Follows
from tests.support.deliveries import email, envelope
from tests.support.mailing import channel
from tests.support.passages import LoggedPassage, sent
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from email.message import EmailMessage

    from digest.core.content import Envelope
    from tests.support.smtp_acts import Received

SENT = DeliveryState.SENT
FIRST = envelope("ana@example.com", job="bounce").key
MADE = f"<{FIRST.digest}@example.com>"
"""What the earlier delivery's Message-ID is when nothing else is known."""


def follower(recipient: str, reference: str | None, *, job: str = "bounce") -> Envelope:
    key = envelope(recipient, job=job).key
    given = envelope(recipient, mail=CONTENT, job=job, generation=1)
    return replace(given, follows=Follows(key=key, reference=reference))


CONTENT = email()
ANA = follower("ana@example.com", "<one@mail.example.com>")


def read(received: Received) -> EmailMessage:
    return message_from_bytes(received.data, policy=default)


def test_a_mail_names_the_earlier_one_as_what_it_answers() -> None:
    with SmtpServer() as server:
        (result,) = sent(channel(server), ANA)
    assert result.state is SENT
    (message,) = server.accepted
    mail = read(message)
    assert mail["In-Reply-To"] == mail["References"] == "<one@mail.example.com>"
    assert mail["To"] == "ana@example.com"
    assert (message.recipients, mail.defects) == (("ana@example.com",), [])


def test_a_mail_answers_the_message_id_that_the_earlier_delivery_had() -> None:
    earlier = envelope("ana@example.com", job="bounce")
    with SmtpServer() as server:
        made = channel(server)
        (first,) = sent(made, earlier)
        later = envelope("ana@example.com", job="bounce", generation=1)
        sent(made, replace(later, follows=Follows(key=earlier.key, reference=first.reference)))
        unknown = envelope("ana@example.com", job="bounce", generation=2)
        sent(made, replace(unknown, follows=Follows(key=earlier.key)))
    first_mail, *others = [read(message) for message in server.accepted]
    assert [mail["In-Reply-To"] for mail in others] == [first_mail["Message-ID"]] * 2


HOSTILE = [
    pytest.param("<a@b.c>\r\nBcc: eve@example.com", id="a header line"),
    pytest.param("<a@b.c>\nBcc: eve@example.com", id="a bare LF"),
    pytest.param("<a@b.c>\rBcc: eve@example.com", id="a bare CR"),
    pytest.param("<a@b.c>\n", id="a line's end"),
    pytest.param("<a@b.c>\r\n\r\nbody", id="a body"),
    pytest.param("<a\0@b.c>", id="NUL"),
    pytest.param("<a\u2028@b.c>", id="a line separator"),
    pytest.param("<ä@b.c>", id="not ASCII"),
    pytest.param("<a@b.c> <d@e.f>", id="two"),
    pytest.param("<a b@c.d>", id="a space"),
    pytest.param("a@b.c", id="without brackets"),
    pytest.param("<>", id="nothing in it"),
    pytest.param("", id="empty"),
    pytest.param("1795500000.000100", id="Slack's"),
    pytest.param("/srv/reports/team", id="a folder"),
    pytest.param(f"<{'a' * 900}@b.c>", id="too long a name"),
    pytest.param(f"<a@{'b' * 900}>", id="too long a host"),
]


@pytest.mark.parametrize("reference", HOSTILE)
def test_what_is_no_message_id_never_gets_into_a_header(reference: str) -> None:
    with SmtpServer() as server:
        (result,) = sent(channel(server), follower("ana@example.com", reference))
    assert result.state is SENT
    (message,) = server.accepted
    mail = read(message)
    assert mail["In-Reply-To"] == mail["References"] == MADE
    assert mail.keys() == [
        *("Message-ID", "To", "In-Reply-To", "References", "Date", "From", "Subject"),
        *("List-Id", "Auto-Submitted", "MIME-Version", "Content-Type"),
    ]
    assert message.recipients == ("ana@example.com",)


@pytest.mark.parametrize(
    "reference", ["<a.b+c=d@e.f>", "<0a@[127.0.0.1]>", "<x@[IPv6:::1]>", "<a@mail_1.example>"]
)
def test_usual_message_ids_are_named_as_they_are(reference: str) -> None:
    lines = thread_of(Follows(key=FIRST, reference=reference), "example.com")
    assert lines == f"In-Reply-To: {reference}\r\nReferences: {reference}\r\n".encode()


def test_readers_of_one_content_share_a_document_whatever_each_of_them_follows() -> None:
    people = [
        follower("ana@example.com", "<one@mail.example.com>"),
        follower("bo@example.com", "<two@mail.example.com>"),
        envelope("cy@example.com", mail=CONTENT, job="bounce", generation=1),
    ]
    with SmtpServer() as server:
        frozen = [channel(server).freeze(one) for one in people]
        shared = channel(server)
        documents = {id(shared.freeze(one).document) for one in people}
    assert len({one.document for one in frozen}) == 1
    assert len(documents) == 1
    assert b"References" not in frozen[0].document
    assert [b"In-Reply-To" in one.head for one in frozen] == [True, True, False]


def test_a_mail_that_follows_nothing_has_the_head_it_always_had() -> None:
    with SmtpServer() as server:
        frozen = channel(server).freeze(envelope("ana@example.com"))
    assert frozen.head == b"To: ana@example.com\r\n"


def test_the_smaller_form_and_a_second_message_id_keep_the_thread() -> None:
    with SmtpServer() as server:
        sent(channel(server), ANA, small=True, changes={"reference": "<again@example.com>"})
    (message,) = server.accepted
    mail = read(message)
    assert mail["Message-ID"] == "<again@example.com>"
    assert mail["In-Reply-To"] == "<one@mail.example.com>"
    assert "image/png" not in {part.get_content_type() for part in mail.walk()}


def test_what_was_frozen_is_what_arrives() -> None:
    with SmtpServer() as server:
        made = channel(server)
        passage = LoggedPassage(made, ANA)
        made.deliver(passage)
    frozen = passage.frozen[ANA.key]
    lead = f"Message-ID: {frozen.reference}\r\n".encode()
    assert server.received[0].raw == lead + frozen.head + frozen.document + b".\r\n"


@pytest.mark.parametrize(
    "recipient",
    [
        "ana@example.com",
        "Ana <ana@example.com>",
        '"Lopez <x@y>, Ana \u65e5\u672c" <ana@example.com>',
        f"{'日' * 100} <ana@example.com>",
        f"{'long ' * 18} <ana@example.com>",
    ],
)
def test_the_mail_goes_to_the_frozen_address_whatever_follows_it_in_the_head(
    recipient: str,
) -> None:
    head = head_of(parse_mailbox(recipient)) + thread_of(ANA.follows, "example.com")
    mail = Mail(sender="d@example.com", reference="<x@y.z>", head=head, document=b"A: b\r\n\r\n")
    assert (mail.recipient, mail.international) == ("ana@example.com", False)
    with SmtpServer() as server:
        (result,) = sent(channel(server), follower(recipient, "<one@mail.example.com>"))
    assert result.state is SENT
    assert server.accepted[0].recipients == ("ana@example.com",)
