"""Servers that refuse, drop, stall and drip: what became of each mail is always told right."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from digest.channels.smtp.mail import Mail
from digest.channels.smtp.mailbox import parse_mailbox
from digest.channels.smtp.message import encode_document
from digest.channels.smtp.wire import Wire
from digest.core.content import DeliveryState
from tests.support.deliveries import email, envelope, picture
from tests.support.mailing import channel, settings
from tests.support.passages import sent
from tests.support.smtp_acts import CLOSE, DROP, STALL, Act, reply
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

SENT, FAILED = DeliveryState.SENT, DeliveryState.FAILED
LATER, UNCERTAIN = DeliveryState.RETRY_WAIT, DeliveryState.UNCERTAIN
ANA, BO = envelope("ana@example.com"), envelope("bo@example.com")
QUICK = {"connect_timeout": 0.3, "reply_timeout": 0.3, "message_timeout": 1.0, "end_timeout": 0.3}
BEFORE_THE_DOT = ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "BODY"]


@pytest.mark.parametrize("point", BEFORE_THE_DOT)
@pytest.mark.parametrize(
    "act",
    [
        pytest.param(DROP, id="reset"),
        pytest.param(CLOSE, id="closed"),
        pytest.param(STALL, id="stalled"),
        pytest.param(reply("hello? is this a web server"), id="garbage"),
    ],
)
def test_trouble_before_the_dot_is_tried_later_and_never_uncertain(point: str, act: Act) -> None:
    # Larger than the buffers between us, so that we can't be done before the server hangs up.
    large = replace(picture(), png=bytes(12_000_000))
    mail = email(pictures=(large,)) if point == "BODY" else email()
    with SmtpServer({point: [act] * 9}, extensions=[]) as server:
        (result,) = sent(
            channel(server, **QUICK, max_size=10**9), envelope("ana@example.com", mail=mail)
        )
    assert result.state is LATER
    assert f"127.0.0.1:{server.port}" in result.detail
    assert server.received == []


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(DROP, id="reset"),
        pytest.param(CLOSE, id="closed"),
        pytest.param(STALL, id="stalled"),
        pytest.param(reply("what was that"), id="garbage"),
        pytest.param(reply("354 go on"), id="neither yes nor no"),
    ],
)
def test_no_answer_to_the_dot_is_uncertain(act: Act) -> None:
    with SmtpServer({"DOT": [act]}) as server:
        results = sent(channel(server, **QUICK), ANA, BO)
    assert [result.state for result in results] == [UNCERTAIN, SENT]
    assert results[0].reference is not None
    assert [m.recipients[0] for m in server.received] == ["ana@example.com", "bo@example.com"]
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        pytest.param("452 4.3.1 disk full", LATER, id="put off"),
        pytest.param("421 4.3.2 going down", LATER, id="server leaves"),
        pytest.param("554 5.7.1 spam", FAILED, id="content refused"),
        pytest.param("535 5.7.8 who are you", FAILED, id="a login code makes it no less a no"),
    ],
)
def test_a_no_to_the_finished_message_is_definite(answer: str, state: DeliveryState) -> None:
    with SmtpServer({"DOT": [reply(answer)]}) as server:
        results = sent(channel(server), ANA, BO)
    assert [result.state for result in results] == [state, SENT]
    assert answer in results[0].detail
    assert len(server.accepted) == 1


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param({"GREETING": [reply("554 no service")]}, "554 no service", id="greeting"),
        pytest.param({"GREETING": [reply("421 too busy")]}, "421 too busy", id="busy greeting"),
        pytest.param({"EHLO": [reply("502 what")]}, "did not take EHLO: 502", id="ehlo"),
        pytest.param({"MAIL": [reply("550 bad sender")]}, "the sender: 550 bad", id="sender"),
        pytest.param({"MAIL": [reply("530 log in")]}, "530 log in", id="login wanted"),
        pytest.param({"RCPT": [reply("530 log in")]}, "530 log in", id="login wanted late"),
    ],
)
def test_a_fault_of_the_account_puts_everybody_off_and_is_not_tried_again(
    script: Any, said: str
) -> None:
    with SmtpServer(script) as server:
        results = sent(channel(server), ANA, BO, envelope("cy@example.com"))
    assert {result.state for result in results} == {LATER}
    assert len({result.detail for result in results}) == 1
    assert said in results[0].detail
    assert server.connections == 1
    assert server.received == []


def test_a_fault_in_mid_batch_leaves_what_was_sent_as_it_is() -> None:
    with SmtpServer({"MAIL": [None, reply("550 quota for today")]}) as server:
        results = sent(channel(server), ANA, BO, envelope("cy@example.com"))
    assert [result.state for result in results] == [SENT, LATER, LATER]


def test_a_server_that_is_not_there_is_said_so() -> None:
    with SmtpServer() as server:
        gone = settings(server)
    results = sent(channel(server, port=gone.port), ANA, BO)
    assert {result.state for result in results} == {LATER}
    assert results[0].detail == f"{gone.place} can't be used: it refused the connection"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 300])
def test_a_host_that_does_not_exist_is_said_so(host: str) -> None:
    with SmtpServer() as server:
        (result,) = sent(channel(server, host=host), ANA)
    assert result.state is LATER
    assert result.detail.endswith("the host name was not found")


@pytest.mark.parametrize(
    "second_mail",
    [
        pytest.param(reply("421 4.4.2 idle too long"), id="421"),
        pytest.param(DROP, id="reset"),
        pytest.param(CLOSE, id="closed"),
    ],
)
def test_a_kept_connection_that_died_is_opened_anew_once(second_mail: Act) -> None:
    with SmtpServer({"MAIL": [None, second_mail]}) as server:
        results = sent(channel(server), ANA, BO)
    assert [result.state for result in results] == [SENT, SENT]
    assert server.connections == 2
    assert [m.recipients[0] for m in server.received] == ["ana@example.com", "bo@example.com"]


def test_a_refused_reset_opens_a_new_connection() -> None:
    script = {"RCPT": [reply("550 no")], "RSET": [reply("500 what is that")]}
    with SmtpServer(script) as server:
        results = sent(channel(server), ANA, BO)
    assert [result.state for result in results] == [FAILED, SENT]
    assert server.connections == 2


def test_a_new_connection_that_dies_too_is_not_opened_a_third_time() -> None:
    with SmtpServer({"MAIL": [None, DROP, DROP]}) as server:
        results = sent(channel(server), ANA, BO)
    assert [result.state for result in results] == [SENT, LATER]
    assert server.connections == 2


def test_a_server_that_keeps_breaking_is_left_alone_after_three_connections() -> None:
    people = tuple(envelope(f"p{number}@example.com") for number in range(10))
    with SmtpServer({"RCPT": [DROP] * 10}) as server:
        results = sent(channel(server), *people)
    assert {result.state for result in results} == {LATER}
    assert server.connections == 3
    assert results[9].detail == f"127.0.0.1:{server.port} broke 3 connections in a row"


def test_a_server_that_answers_one_letter_at_a_time_cannot_hold_us() -> None:
    slow = Act(text=b"250-" + b"x" * 4000, drip=0.02)
    with SmtpServer({"EHLO": [slow]}) as server:
        started = time.monotonic()
        (result,) = sent(channel(server, **QUICK), ANA)
        took = time.monotonic() - started
    assert result.state is LATER
    assert result.detail.endswith("it did not answer in time")
    assert took < 5  # it would be 80


def test_a_reply_without_an_end_is_cut_off() -> None:
    endless = Act(text=b"250-more\r\n" * 20_000)
    with SmtpServer({"EHLO": [endless]}) as server:
        (result,) = sent(channel(server), ANA)
    assert result.state is LATER
    assert "is not SMTP" in result.detail


def test_a_line_without_an_end_is_cut_off() -> None:
    with SmtpServer({"MAIL": [Act(text=b"250 " + b"x" * 200_000)]}) as server:
        (result,) = sent(channel(server), ANA)
    assert result.state is LATER
    assert "is not SMTP" in result.detail


def test_a_yes_before_the_message_has_ended_is_no_yes() -> None:
    large = email(pictures=(replace(picture(), png=bytes(7_000_000)),))
    with SmtpServer({"BODY": [reply("250 taken")]}, extensions=[]) as server:
        results = sent(channel(server), envelope("ana@example.com", mail=large), BO)
    assert [result.state for result in results] == [LATER, SENT]
    assert "it said yes before the message had ended" in results[0].detail


def test_the_answer_to_the_dot_has_its_own_longer_time() -> None:
    late = Act(text=b"250 taken\r\n", drip=0.05)
    with SmtpServer({"DOT": [late]}) as server:
        (result,) = sent(channel(server, reply_timeout=0.2, message_timeout=0.3), ANA)
    assert result.state is SENT


def test_many_short_waits_are_bounded_as_a_whole() -> None:
    slow = Act(text=b"250 ok\r\n", drip=0.05)  # 0.4 s each
    with SmtpServer({"MAIL": [slow], "RCPT": [slow]}) as server:
        (result,) = sent(channel(server, message_timeout=0.6), ANA)
    assert result.state is LATER
    assert result.detail.endswith("it did not answer in time")
    assert "DATA" not in server.verbs()


def test_a_refusal_in_mid_message_is_taken_as_one() -> None:
    with SmtpServer({"BODY": [reply("554 5.7.1 stop")]}, extensions=[]) as server:
        large = email(pictures=(replace(picture(), png=bytes(7_000_000)),))
        results = sent(channel(server), envelope("ana@example.com", mail=large), BO)
    assert [result.state for result in results] == [FAILED, SENT]
    assert "554 5.7.1 stop" in results[0].detail
    assert [m.recipients[0] for m in server.received] == ["bo@example.com"]


@contextmanager
def all_but_the_dot(act: Act) -> Iterator[Wire]:
    """A connection on which all but the final dot is written, and the server has acted since."""
    written = threading.Event()
    sender = parse_mailbox("digest@example.com")
    mail = Mail(
        sender=sender.address,
        reference="<1@example.com>",
        head=b"To: a@example.com\r\n",
        document=encode_document(ANA, sender=sender).wire,
    )
    with SmtpServer({"BODY": [act]}, on_body=lambda: written.wait(5)) as server:
        wire = Wire(
            server.host,
            server.port,
            monotonic=time.monotonic,
            connect_timeout=2,
            reply_timeout=2,
        )
        try:
            wire.open()
            wire.ehlo()
            for command in ("MAIL FROM:<digest@example.com>", "RCPT TO:<a@example.com>", "DATA"):
                wire.docmd(command)
            wire.write_body(mail)
            written.set()
            assert server.hung_up.wait(5)
            yield wire
        finally:
            wire.close()


@pytest.mark.parametrize("act", [DROP, CLOSE])
def test_a_connection_that_died_before_the_dot_is_noticed_before_the_dot(act: Act) -> None:
    with all_but_the_dot(act) as wire:
        with pytest.raises(OSError):  # noqa: PT011 - which one is up to the kernel
            wire.early_answer()
        assert not wire.is_open


def test_an_answer_before_the_dot_is_read_before_the_dot() -> None:
    with all_but_the_dot(Act(text=b"421 4.4.2 bye\r\n", close=True)) as wire:
        assert wire.early_answer() == (421, b"4.4.2 bye")


def test_while_the_server_is_silent_there_is_no_early_answer() -> None:
    with SmtpServer() as server:
        (result,) = sent(channel(server), ANA)
    assert result.state is SENT
    assert server.connections == 1
