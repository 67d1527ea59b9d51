"""The SMTP channel against servers that mostly behave."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from digest.channels import build
from digest.channels.smtp import Security, SmtpSettings
from digest.core.content import DeliveryState
from digest.errors import DeliveryError
from digest.sandbox.inbox import Inbox
from tests.support.deliveries import OUTSIDE, email, envelope, png
from tests.support.mailing import channel, settings
from tests.support.passages import sent
from tests.support.smtp_acts import CLOSE, DROP, reply
from tests.support.smtp_server import SmtpServer

SENT, FAILED, LATER = DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.RETRY_WAIT


def test_each_recipient_gets_a_message_of_their_own_over_one_connection() -> None:
    with SmtpServer() as server:
        results = sent(
            channel(server), envelope("ana@example.com"), envelope("Bo <bo@example.com>")
        )
    assert [result.state for result in results] == [SENT, SENT]
    assert [m.recipients for m in server.accepted] == [("ana@example.com",), ("bo@example.com",)]
    assert {m.sender for m in server.accepted} == {"digest@example.com"}
    assert server.connections == 1
    for result, message in zip(results, server.accepted, strict=True):
        assert message_from_bytes(message.data)["Message-ID"] == result.reference


def test_no_message_names_another_reader() -> None:
    with SmtpServer() as server:
        sent(channel(server), envelope("ana@example.com"), envelope("bo@example.com"))
    assert b"bo@example.com" not in server.accepted[0].data
    assert b"ana@example.com" not in server.accepted[1].data


def test_a_real_server_reads_what_was_written() -> None:
    text = "1,234 sessions\n.\n..dots\n" + "x" * 5000 + "\n"
    with Inbox() as inbox:
        made = build("smtp")(
            "mail",
            SmtpSettings(
                host=inbox.host,
                port=inbox.port,
                sender="digest@example.com",
                security=Security.NONE,
            ),
            OUTSIDE,
        )
        (result,) = sent(made, envelope("änne@example.com", mail=email(text=text)))
    assert result.state is SENT
    message = message_from_bytes(inbox.messages[0].data, policy=default)
    parts = {part.get_content_type(): part for part in message.walk()}
    assert parts["text/plain"].get_content().replace("\r\n", "\n") == text
    assert parts["image/png"].get_content() == png()
    assert inbox.messages[0].recipients == ("änne@example.com",)


def test_mixed_answers_are_told_apart_per_person() -> None:
    refuse = {
        "gone@example.com": "550 5.1.1 no such user",
        "grey@example.com": "451 4.7.1 come back later",
    }
    people = ("ana@example.com", "gone@example.com", "grey@example.com", "bo@example.com")
    with SmtpServer(refuse=refuse) as server:
        results = sent(channel(server), *(envelope(person) for person in people))
    assert [result.state for result in results] == [SENT, FAILED, LATER, SENT]
    assert "550 5.1.1 no such user" in results[1].detail
    assert "451 4.7.1 come back later" in results[2].detail
    assert [result.code for result in results] == ["", "550 5.1.1", "451 4.7.1", ""]
    assert not any(result.fault for result in results)
    assert [m.recipients[0] for m in server.accepted] == ["ana@example.com", "bo@example.com"]
    assert server.verbs().count("RSET") == 2
    assert server.connections == 1


def test_a_bad_address_is_that_persons_failure_alone() -> None:
    with SmtpServer() as server:
        results = sent(
            channel(server),
            envelope("not an address"),
            envelope("a@b.de\r\nRCPT TO:<x@y.de>"),
            envelope("a@b.de"),
        )
    assert [result.state for result in results] == [FAILED, FAILED, SENT]
    assert "is not a mail address" in results[0].detail
    assert server.verbs().count("RCPT") == 1


def test_with_only_bad_addresses_nobody_is_called() -> None:
    with SmtpServer() as server:
        sent(channel(server), envelope("nobody"))
    assert server.connections == 0


def test_nothing_to_deliver_calls_nobody() -> None:
    with SmtpServer() as server:
        assert sent(channel(server)) == []
    assert server.connections == 0


def test_several_connections_share_the_work_and_keep_the_order() -> None:
    people = tuple(envelope(f"p{number}@example.com") for number in range(20))
    with SmtpServer(refuse={"p7@example.com": "550 no"}) as server:
        results = sent(channel(server, connections=3), *people)
    assert [result.key.recipient for result in results] == [p.recipient for p in people]
    assert [result.state is SENT for result in results] == [n != 7 for n in range(20)]
    assert len(server.accepted) == 19
    assert 1 <= server.connections <= 3


def test_an_international_domain_is_sent_in_ascii() -> None:
    with SmtpServer() as server:
        sent(channel(server), envelope("ana@bücher.example"))
    assert server.accepted[0].recipients == ("ana@xn--bcher-kva.example",)


def test_letters_before_the_at_go_out_where_the_server_can_carry_them() -> None:
    with SmtpServer() as server:
        (result,) = sent(channel(server), envelope("änne@example.com"))
    assert result.state is SENT
    assert server.accepted[0].recipients == ("änne@example.com",)
    assert any("SMTPUTF8" in command for command in server.commands)
    assert "To: änne@example.com".encode() in server.accepted[0].data


def test_letters_before_the_at_fail_clearly_where_it_cannot() -> None:
    with SmtpServer(extensions=["SIZE 1000000"]) as server:
        results = sent(channel(server), envelope("änne@example.com"), envelope("ana@example.com"))
    assert [result.state for result in results] == [FAILED, SENT]
    assert "änne@example.com (it does not offer SMTPUTF8)" in results[0].detail


def test_a_server_without_any_extension_gets_plain_mail() -> None:
    mail = email(subject="Größe", text="Größe 日本語\n")
    with SmtpServer(extensions=[]) as server:
        (result,) = sent(channel(server), envelope("ana@example.com", mail=mail))
    assert result.state is SENT
    assert server.accepted[0].data.isascii()
    assert message_from_bytes(server.accepted[0].data, policy=default)["Subject"] == "Größe"


def test_a_size_without_a_number_is_no_limit() -> None:
    with SmtpServer(extensions=["SIZE"]) as server:
        (result,) = sent(channel(server), envelope("ana@example.com"))
    assert result.state is SENT


def test_the_size_is_announced() -> None:
    with SmtpServer() as server:
        sent(channel(server), envelope("ana@example.com"))
    mail = next(command for command in server.commands if command.startswith("MAIL"))
    assert mail.endswith(f"SIZE={len(server.accepted[0].raw) - 3}")


def test_a_missing_chart_is_remarked_on_and_the_mail_goes_out() -> None:
    with SmtpServer() as server:
        (result,) = sent(channel(server), envelope("ana@example.com", mail=email(pictures=())))
    assert result.state is SENT
    assert result.remarks == ('the chart "sessions" is missing',)


def test_every_byte_of_a_body_arrives_and_no_dot_ends_it_early() -> None:
    text = ".\r\n.\r\nMAIL FROM:<evil@example.com>\r\n.\r\n"
    mail = email(text=text, html=f"<pre>{text}</pre>", pictures=())
    with SmtpServer() as server:
        sent(channel(server), envelope("ana@example.com", mail=mail))
    (message,) = server.received
    body = message_from_bytes(message.data, policy=default).get_body(("plain",))
    assert body is not None
    assert body.get_content() == text
    assert server.verbs().count("MAIL") == 1
    assert message.raw.count(b"\r\n.\r\n") == 1


def test_two_deliveries_of_the_same_content_send_the_same_bytes() -> None:
    with SmtpServer() as server:
        made = channel(server)
        sent(made, envelope("ana@example.com"))
        sent(made, envelope("ana@example.com"))
    assert server.accepted[0].data == server.accepted[1].data


@pytest.mark.parametrize("act", [reply("421 later"), DROP, CLOSE])
def test_trouble_at_the_goodbye_changes_nothing(act: Any) -> None:
    with SmtpServer({"QUIT": [act]}) as server:
        (result,) = sent(channel(server), envelope("ana@example.com"))
    assert result.state is SENT


def test_a_probe_says_hello_and_sends_nothing() -> None:
    with SmtpServer() as server:
        sentence = channel(server).probe()
    assert sentence == f"127.0.0.1:{server.port} answers (no encryption, no login)"
    assert server.verbs() == ["EHLO", "NOOP", "QUIT"]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param({"GREETING": [reply("554 go away")]}, "554 go away", id="greeting"),
        pytest.param({"NOOP": [reply("451 not now")]}, "451 not now", id="noop"),
        pytest.param({"NOOP": [DROP]}, "can't be used", id="dropped"),
    ],
)
def test_a_probe_that_fails_says_why(script: Any, said: str) -> None:
    with SmtpServer(script) as server, pytest.raises(DeliveryError, match=said):
        channel(server).probe()


def test_a_sender_that_is_no_address_is_found_when_the_channel_is_built() -> None:
    with SmtpServer() as server:
        bad = settings(server, sender="Acme Analytics")
    with pytest.raises(DeliveryError, match='"Acme Analytics" is not a mail address'):
        build("smtp")("mail", bad, OUTSIDE)
