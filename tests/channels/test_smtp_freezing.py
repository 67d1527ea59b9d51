"""What is fixed before anything is sent, and that it arrives as it was fixed."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import pytest

from digest.channels.smtp.mailbox import parse_mailbox
from digest.channels.smtp.press import Press
from digest.core.content import DeliveryState
from digest.errors import DeliveryError
from tests.support.deliveries import email, envelope
from tests.support.mailing import channel
from tests.support.passages import LoggedPassage, sent
from tests.support.smtp_server import SmtpServer

SENT = DeliveryState.SENT
ANA, BO = envelope("ana@example.com"), envelope("bo@example.com")


def test_readers_of_one_content_share_one_document_and_have_short_heads() -> None:
    content = email()
    people = [envelope(f"p{number}@example.com", mail=content) for number in range(3)]
    with SmtpServer() as server:
        made = channel(server)
        frozen = [made.freeze(one) for one in people]
    assert len({id(one.document) for one in frozen}) == 1
    assert [one.head for one in frozen] == [f"To: {one.recipient}\r\n".encode() for one in people]
    assert len(made.freeze(envelope(f"{'日' * 100} <ana@example.com>")).head) < 700


def test_another_content_test_or_period_is_another_document() -> None:
    with SmtpServer() as server:
        made = channel(server)
    documents = {
        made.freeze(one).document
        for one in (
            ANA,
            envelope("ana@example.com", test=True),
            envelope("ana@example.com", job="tuesday-email"),
            envelope("ana@example.com", mail=email(text="other")),
        )
    }
    assert len(documents) == 4


def test_what_is_no_address_cannot_be_frozen() -> None:
    with SmtpServer() as server, pytest.raises(DeliveryError, match="is not a mail address"):
        channel(server).freeze(envelope("nobody"))
    assert server.connections == 0


def test_what_was_frozen_is_what_arrives() -> None:
    with SmtpServer() as server:
        made = channel(server)
        passage = LoggedPassage(made, ANA)
        made.deliver(passage)
    frozen = passage.frozen[ANA.key]
    lead = f"Message-ID: {frozen.reference}\r\n".encode()
    assert server.received[0].raw == lead + frozen.head + frozen.document + b".\r\n"


def test_a_resend_can_have_a_message_id_of_its_own_and_no_other_change() -> None:
    with SmtpServer() as server:
        made = channel(server)
        (first,) = sent(made, ANA)
        (second,) = sent(made, ANA, changes={"reference": "<second@example.com>"})
    assert second.reference == "<second@example.com>"
    one, other = (message.data for message in server.accepted)
    assert other == one.replace(str(first.reference).encode(), b"<second@example.com>")


def test_the_mail_goes_to_the_frozen_address_whatever_the_name() -> None:
    name = "Lopez <x@y>, Ana \u65e5\u672c"
    with SmtpServer() as server:
        sent(channel(server), envelope(f'"{name}" <ana@example.com>'))
    assert server.accepted[0].recipients == ("ana@example.com",)


def test_a_thousand_contents_are_not_all_kept() -> None:
    press = Press(parse_mailbox("digest@example.com"), None)
    given = [envelope("a@example.com", mail=email(text=str(number))) for number in range(9)]
    first = press.document(given[0])
    assert press.document(given[0]) is first
    for one in given[1:]:
        press.document(one)
    again = press.document(given[0])
    assert again == first
    assert again is not first


@pytest.mark.parametrize(
    ("text", "arrived"),
    [
        pytest.param("a\n.\nb\n..\n", "a\r\n.\r\nb\r\n..\r\n", id="lines of dots"),
        pytest.param("x" * 5000 + "\n", "x" * 5000 + "\r\n", id="a line of 5000 bytes"),
        pytest.param("a\rb\nc\r\n", "a\r\nb\r\nc\r\n", id="bare CR and LF"),
        pytest.param("a\0b\n", "a\0b\r\n", id="NUL"),
        pytest.param("a\n.\r\nRSET\n", "a\r\n.\r\nRSET\r\n", id="a smuggled command"),
    ],
)
def test_odd_bytes_arrive_intact_after_decoding(text: str, arrived: str) -> None:
    mail = email(text=text, html=f"<pre>{text}</pre>", pictures=())
    with SmtpServer() as server:
        (result,) = sent(channel(server), envelope("ana@example.com", mail=mail))
    assert result.state is SENT
    (message,) = server.received
    assert b"\0" not in message.raw
    body = message_from_bytes(message.data, policy=default).get_body(("plain",))
    assert body is not None
    assert body.get_content() == arrived
    assert server.verbs() == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]
