"""Every kind of trouble at every point of the conversation: what the outbox is told is true."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import DeliveryState
from tests.support.deliveries import email, envelope, picture
from tests.support.mailing import PASSWORD, channel, secure_channel
from tests.support.passages import sent
from tests.support.smtp_acts import CLOSE, DROP, STALL, Act, reply
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Sequence

SENT, FAILED = DeliveryState.SENT, DeliveryState.FAILED
LATER, UNCERTAIN = DeliveryState.RETRY_WAIT, DeliveryState.UNCERTAIN
ANA, BO = envelope("ana@example.com"), envelope("bo@example.com")
# Larger than the buffers between us, so that we can't be done before the server acts.
LARGE = email(pictures=(replace(picture(), png=bytes(12_000_000)),))
USERS = {"mailer": PASSWORD}
QUICK = {"connect_timeout": 0.3, "reply_timeout": 0.3, "message_timeout": 0.6, "end_timeout": 0.3}
NO_MAIL_YET = ["GREETING", "EHLO", "STARTTLS", "AUTH"]
ABOUT_ONE_MAIL = ["MAIL", "RCPT", "DATA"]
SILENCE = {"reset": DROP, "closed": CLOSE, "stalled": STALL}


@pytest.mark.parametrize("act", SILENCE.values(), ids=SILENCE.keys())
@pytest.mark.parametrize("point", NO_MAIL_YET)
def test_no_answer_before_the_first_mail_is_a_fault_that_can_pass(point: str, act: Act) -> None:
    with SmtpServer({point: [act]}, certificate="server.pem", users=USERS) as server:
        results = sent(secure_channel(server, **QUICK), ANA, BO)
    assert {(r.state, r.fault, r.passing) for r in results} == {(LATER, True, True)}
    assert server.connections == 1


@pytest.mark.parametrize(("code", "passing"), [(421, True), (454, True), (554, False)])
@pytest.mark.parametrize("point", NO_MAIL_YET)
def test_a_no_before_the_first_mail_is_a_fault_that_4xx_lets_pass(
    point: str, code: int, *, passing: bool
) -> None:
    script = {point: [reply(f"{code} {code // 100}.7.0 no")]}
    with SmtpServer(script, certificate="server.pem", users=USERS) as server:
        results = sent(secure_channel(server), ANA, BO)
    assert {(r.state, r.fault, r.passing) for r in results} == {(LATER, True, passing)}
    assert {r.code for r in results} == {f"{code} {code // 100}.7.0"}
    assert "MAIL" not in server.verbs()


@pytest.mark.parametrize("act", SILENCE.values(), ids=SILENCE.keys())
@pytest.mark.parametrize("point", [*ABOUT_ONE_MAIL, "BODY"])
def test_no_answer_about_one_mail_puts_off_that_mail(point: str, act: Act) -> None:
    ana = envelope(ANA.recipient, mail=LARGE if point == "BODY" else email())
    with SmtpServer({point: [act]}, extensions=[]) as server:
        results = sent(channel(server, **QUICK, max_size=10**9), ana, BO)
    assert [(r.state, r.fault) for r in results] == [(LATER, False), (SENT, False)]
    assert [message.recipients for message in server.received] == [("bo@example.com",)]


@pytest.mark.parametrize(
    ("point", "code", "state", "fault"),
    [
        pytest.param("MAIL", 421, LATER, False, id="MAIL 421"),
        pytest.param("MAIL", 451, LATER, False, id="MAIL 4xx"),
        pytest.param("MAIL", 550, LATER, True, id="MAIL 5xx"),
        pytest.param("RCPT", 421, LATER, False, id="RCPT 421"),
        pytest.param("RCPT", 451, LATER, False, id="RCPT 4xx"),
        pytest.param("RCPT", 550, FAILED, False, id="RCPT 5xx"),
        pytest.param("DATA", 421, LATER, False, id="DATA 421"),
        pytest.param("DATA", 451, LATER, False, id="DATA 4xx"),
        pytest.param("DATA", 554, FAILED, False, id="DATA 5xx"),
        pytest.param("BODY", 421, LATER, False, id="body 421"),
        pytest.param("BODY", 451, LATER, False, id="body 4xx"),
        pytest.param("BODY", 554, FAILED, False, id="body 5xx"),
        pytest.param("RCPT", 354, LATER, False, id="RCPT 3xx"),
        pytest.param("DATA", 250, LATER, False, id="DATA 2xx"),
        pytest.param("DOT", 421, LATER, False, id="dot 421"),
        pytest.param("DOT", 451, LATER, False, id="dot 4xx"),
        pytest.param("DOT", 554, FAILED, False, id="dot 5xx"),
        pytest.param("DOT", 354, UNCERTAIN, False, id="dot 3xx"),
        pytest.param("DOT", 220, UNCERTAIN, False, id="a greeting"),
        pytest.param("DOT", 252, SENT, False, id="dot 2xx"),
    ],
)
def test_an_answer_about_one_mail_says_what_became_of_it(
    point: str, code: int, state: DeliveryState, *, fault: bool
) -> None:
    with SmtpServer({point: [reply(f"{code} words")]}, extensions=[]) as server:
        ana = envelope(ANA.recipient, mail=LARGE if point == "BODY" else email())
        results = sent(channel(server, max_size=10**9), ana, BO)
    assert (results[0].state, results[0].fault) == (state, fault)
    assert results[0].code == ("" if state is SENT else str(code))
    assert results[1].state is (LATER if fault else SENT)


def test_the_sender_that_is_refused_needs_a_person() -> None:
    with SmtpServer({"MAIL": [reply("553 5.7.1 not your address")]}) as server:
        results = sent(channel(server), ANA, BO)
    assert {(r.state, r.fault, r.passing) for r in results} == {(LATER, True, False)}
    assert {r.code for r in results} == {"553 5.7.1"}


def test_what_is_not_there_can_come_back() -> None:
    with SmtpServer() as server:
        pass
    (result,) = sent(channel(server), ANA)
    assert (result.state, result.fault, result.passing) == (LATER, True, True)


def test_connections_that_keep_breaking_are_a_fault_that_can_pass() -> None:
    people = [envelope(f"p{number}@example.com") for number in range(5)]
    with SmtpServer({"RCPT": [DROP] * 5}) as server:
        results = sent(channel(server), *people)
    assert [(r.fault, r.passing) for r in results] == [(False, True)] * 3 + [(True, True)] * 2


@pytest.mark.parametrize(
    ("changes", "certificate", "users"),
    [
        pytest.param({}, None, USERS, id="no STARTTLS"),
        pytest.param({}, "expired.pem", USERS, id="certificate"),
        pytest.param({"ca_file": "/nowhere.pem"}, "server.pem", USERS, id="no authorities"),
        pytest.param({}, "server.pem", {"mailer": "another"}, id="password"),
        pytest.param({}, "server.pem", {}, id="no login offered"),
    ],
)
def test_what_needs_a_person_is_said_to(
    changes: dict[str, Any], certificate: str | None, users: dict[str, str]
) -> None:
    with SmtpServer(certificate=certificate, users=users) as server:
        results = sent(secure_channel(server, **changes), ANA, BO)
    assert {(r.state, r.fault, r.passing) for r in results} == {(LATER, True, False)}


def test_put_off_first_and_then_refused_has_failed_without_a_copy() -> None:
    script = {"DOT": [reply("451 4.3.0 not now"), reply("554 5.7.1 never")]}
    with SmtpServer(script) as server:
        made = channel(server)
        states = [sent(made, ANA)[0].state for _ in range(2)]
    assert states == [LATER, FAILED]
    assert server.accepted == []
    assert server.received[0].data == server.received[1].data


def test_after_greylisting_the_same_bytes_are_taken_once() -> None:
    with SmtpServer({"RCPT": [reply("451 4.7.1 greylisted")] * 3}) as server:
        made = channel(server)
        states = [sent(made, ANA)[0].state for _ in range(4)]
    assert states == [LATER, LATER, LATER, SENT]
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("seconds", "state"),
    [pytest.param(0.3, SENT, id="just in time"), pytest.param(0.9, UNCERTAIN, id="too late")],
)
def test_the_answer_to_the_dot_counts_up_to_its_limit(seconds: float, state: DeliveryState) -> None:
    late = Act(wait=seconds, text=b"250 taken\r\n")
    with SmtpServer({"DOT": [late]}) as server:
        (result,) = sent(channel(server, **{**QUICK, "end_timeout": 0.6}), ANA)
    assert result.state is state
    assert len(server.received) == 1


@pytest.mark.parametrize("end", [Act(text=b"250 ok\r\n", close=True), Act(text=b"250 ok\r\n")])
def test_a_server_that_leaves_between_two_mails_is_called_again(end: Act) -> None:
    goodbye = [None, reply("421 4.4.2 idle")] if not end.close else []
    with SmtpServer({"DOT": [end], "MAIL": goodbye}) as server:
        results = sent(channel(server), ANA, BO)
    assert [result.state for result in results] == [SENT, SENT]
    assert server.connections == 2
    assert len(server.received) == 2


def random_script(dice: random.Random) -> dict[str, Sequence[Act | None]]:
    acts = [None, None, None, DROP, CLOSE, reply("421 bye"), reply("451 no"), reply("550 no")]
    odd = [reply("what"), reply("250 ok"), reply("354 go")]
    points = ["MAIL", "RCPT", "DATA", "DOT", "RSET"]
    return {point: [dice.choice([*acts, *odd]) for _ in range(6)] for point in points}


@pytest.mark.parametrize("seed", range(60))
def test_what_the_outbox_is_told_agrees_with_what_the_server_has(seed: int) -> None:
    dice = random.Random(seed)
    people = [envelope(f"p{number}@example.com") for number in range(6)]
    with SmtpServer(random_script(dice), extensions=[]) as server:
        results = sent(channel(server, connections=dice.choice([1, 1, 2, 3])), *people)
    accepted = [message.recipients[0] for message in server.accepted]
    reached_the_end = {message.recipients[0] for message in server.received}
    assert len(set(accepted)) == len(accepted)
    for result in results:
        who = result.key.recipient
        match result.state:
            case DeliveryState.SENT:
                assert who in accepted
            case DeliveryState.UNCERTAIN:
                assert who in reached_the_end
            case _:
                assert who not in accepted
