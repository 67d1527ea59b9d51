"""The embedded inbox takes real mail over real SMTP."""

from __future__ import annotations

import smtplib
import socket
from email.message import EmailMessage

import pytest

from digest.sandbox.inbox import Inbox, ReceivedMail


def test_it_keeps_each_message_with_its_envelope() -> None:
    with Inbox() as inbox, smtplib.SMTP(inbox.host, inbox.port, timeout=10) as client:
        message = EmailMessage()
        message["Subject"] = "Grüße"
        message.set_content("line\n.dot\n" + "x" * 100_000)
        client.send_message(message, "a@example.com", ["b@example.com", "c@example.com"])
        client.sendmail("", ["ü@example.com"], b"Subject: two\r\n\r\n", mail_options=["SMTPUTF8"])
        first, second = inbox.messages
    assert first.sender == "a@example.com"
    assert first.recipients == ("b@example.com", "c@example.com")
    assert b"\r\n.dot\r\n" in first.data.replace(b"=2E", b".")
    assert second == ReceivedMail(
        sender="", recipients=("ü@example.com",), data=b"Subject: two\r\n\r\n"
    )


def test_what_was_received_stays_after_closing_and_nobody_listens() -> None:
    with Inbox() as inbox:
        with smtplib.SMTP(inbox.host, inbox.port, timeout=10) as client:
            client.sendmail("a@example.com", ["b@example.com"], b"Subject: x\r\n\r\n")
        port = inbox.port
    assert len(inbox.messages) == 1
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_two_inboxes_do_not_meet() -> None:
    with Inbox() as one, Inbox() as other:
        assert one.port != other.port
        with smtplib.SMTP(one.host, one.port, timeout=10) as client:
            client.sendmail("a@example.com", ["b@example.com"], b"Subject: x\r\n\r\n")
        assert (len(one.messages), len(other.messages)) == (1, 0)
