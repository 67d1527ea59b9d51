"""Mails that are too large for a server: once more without charts, and then never again."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from digest.channels.smtp.smaller import LEFT_OUT
from digest.core.content import DeliveryState
from tests.support.deliveries import email, envelope, picture
from tests.support.mailing import channel
from tests.support.passages import sent
from tests.support.smtp_acts import reply
from tests.support.smtp_server import SmtpServer

SENT, FAILED, LATER = DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.RETRY_WAIT
ANA, BO = envelope("ana@example.com"), envelope("bo@example.com")
# Larger than the buffers between us, so that we can't be done before the server acts.
LARGE = email(pictures=(replace(picture(), png=bytes(12_000_000)),))
HEAVY = email(pictures=(replace(picture(), png=bytes(5000)),))


@pytest.mark.parametrize("point", ["MAIL", "RCPT", "DATA", "BODY", "DOT"])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param("552 5.3.4 limit is 1 kB", "552 5.3.4", id="552"),
        pytest.param("552 limit is 1 kB", "552", id="552 without status"),
        pytest.param("550 5.2.3 limit is 1 kB", "550 5.2.3", id="a status that means the size"),
    ],
)
def test_a_size_that_was_refused_asks_for_the_smaller_form_at_once(
    point: str, answer: str, code: str
) -> None:
    ana = envelope("ana@example.com", mail=LARGE if point == "BODY" else email())
    with SmtpServer({point: [reply(answer)]}, extensions=[]) as server:
        results = sent(channel(server, max_size=10**9), ana, BO)
    assert [result.state for result in results] == [LATER, SENT]
    first = results[0]
    assert (first.too_large, first.retry_after, first.code) == (True, 0.0, code)
    assert (first.fault, first.detail.count("says that the message is too large")) == (False, 1)
    assert [message.recipients for message in server.accepted] == [("bo@example.com",)]


@pytest.mark.parametrize("point", ["MAIL", "RCPT", "DATA", "DOT"])
def test_a_smaller_form_that_was_refused_too_has_failed(point: str) -> None:
    with SmtpServer({point: [reply("552 5.3.4 limit is 1 kB")]}, extensions=[]) as server:
        results = sent(channel(server), ANA, BO, small=True)
    assert [result.state for result in results] == [FAILED, SENT]
    assert (results[0].too_large, results[0].code) == (False, "552 5.3.4")


def test_refused_whole_and_taken_without_its_charts_with_the_same_message_id() -> None:
    with SmtpServer({"DOT": [reply("552 5.3.4 too big")]}) as server:
        made = channel(server)
        (first,) = sent(made, ANA)
        (second,) = sent(made, ANA, small=True)
    assert (first.state, second.state) == (LATER, SENT)
    assert second.remarks == (
        "the charts were left out: the mail server takes only smaller messages",
    )
    (accepted,) = server.accepted
    message = message_from_bytes(accepted.data, policy=default)
    assert message["Message-ID"] == first.reference == second.reference
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        assert LEFT_OUT in body.get_content()
        assert "cid:" not in body.get_content()


@pytest.mark.parametrize(
    ("extensions", "changes"),
    [
        pytest.param(["SIZE 3000"], {}, id="the server's limit"),
        pytest.param(["SIZE 0"], {"max_size": 3000}, id="our own limit"),
    ],
)
def test_a_mail_above_the_limit_is_not_sent_whole_but_small(
    extensions: list[str], changes: dict[str, Any]
) -> None:
    ana = envelope("ana@example.com", mail=HEAVY)
    with SmtpServer(extensions=extensions) as server:
        made = channel(server, **changes)
        (whole,) = sent(made, ana)
        assert "MAIL" not in server.verbs()
        (small,) = sent(made, ana, small=True)
    assert (whole.state, whole.too_large, whole.retry_after) == (LATER, True, 0.0)
    assert "takes 3,000; show fewer charts" in whole.detail
    assert small.state is SENT


@pytest.mark.parametrize(
    ("extensions", "changes"),
    [
        pytest.param(["SIZE 1000"], {}, id="the server's limit"),
        pytest.param(["SIZE 0"], {"max_size": 1000}, id="our own limit"),
    ],
)
def test_a_mail_that_is_too_large_even_without_charts_fails_before_it_is_sent(
    extensions: list[str], changes: dict[str, Any]
) -> None:
    with SmtpServer(extensions=extensions) as server:
        (result,) = sent(channel(server, **changes), ANA, small=True)
    assert (result.state, result.too_large) == (FAILED, False)
    assert "bytes, even without charts, and " in result.detail
    assert result.detail.endswith("takes 1,000")
    assert "MAIL" not in server.verbs()


def test_a_mail_that_never_had_charts_is_not_said_to_lack_them() -> None:
    with SmtpServer() as server:
        (result,) = sent(
            channel(server), envelope("ana@example.com", mail=email(pictures=())), small=True
        )
    assert result.state is SENT
    assert result.remarks == ('the chart "sessions" is missing',)
