"""What the passage is told, and when: nothing reaches a reader that was not armed before."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from digest.core import steps
from digest.core.content import DeliveryState, Sighting
from digest.core.steps import Step
from digest.errors import StoreError
from tests.support.deliveries import envelope
from tests.support.mailing import PASSWORD, channel, secure_channel
from tests.support.passages import LoggedPassage, parcel, sent
from tests.support.smtp_acts import CLOSE, DROP, Act, reply
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.core.content import Parcel

SENT, LATER = DeliveryState.SENT, DeliveryState.RETRY_WAIT
UNCERTAIN = DeliveryState.UNCERTAIN
ANA, BO = envelope("ana@example.com"), envelope("bo@example.com")
WHOLE = ["begin", "arm", "still_fresh", "settle"]


@contextmanager
def listening(listener: Callable[[Step], object]) -> Iterator[None]:
    steps.listen(listener)
    try:
        yield
    finally:
        steps._listeners.remove(listener)


def raising(at: Step, error: BaseException) -> Callable[[Step], object]:
    """A listener that breaks the first delivery at this step."""
    left = [error]

    def listener(step: Step) -> None:
        if step is at and left:
            raise left.pop()

    return listener


def test_each_mail_is_begun_armed_and_settled_before_the_next_one() -> None:
    with SmtpServer() as server:
        made = channel(server)
        passage = LoggedPassage(made, ANA, BO)
        made.deliver(passage)
    passage.settled_once()
    assert passage.calls == [(name, one.recipient) for one in (ANA, BO) for name in WHOLE]


def test_it_is_armed_when_all_but_the_dot_is_on_its_way() -> None:
    verbs: list[str] = []
    with SmtpServer() as server:

        def on_arm(_parcel: Parcel) -> None:
            verbs.extend(server.verbs())
            assert server.received == []

        (result,) = sent(channel(server), ANA, on_arm=on_arm)
    assert result.state is SENT
    assert verbs == ["EHLO", "MAIL", "RCPT", "DATA"]


def test_the_steps_of_a_mail_are_reached_in_their_order() -> None:
    reached: list[Step] = []
    with SmtpServer() as server, listening(reached.append):
        sent(channel(server), ANA, BO)
    mail = [
        Step.SMTP_MAIL,
        Step.SMTP_RCPT,
        Step.SMTP_354,
        Step.SMTP_BODY,
        Step.ARM_POST,
        Step.DOT_POST,
        Step.REPLY_POST,
    ]
    assert reached == [Step.SMTP_CONNECT, *mail, *mail]


def test_a_connection_that_is_opened_anew_is_the_same_try() -> None:
    with SmtpServer({"MAIL": [None, reply("421 idle")]}) as server:
        made = channel(server)
        passage = LoggedPassage(made, ANA, BO)
        made.deliver(passage)
    passage.settled_once()
    assert [name for name, who in passage.calls if who == BO.recipient] == WHOLE


def test_what_cannot_be_begun_is_put_off_without_a_mail() -> None:
    with SmtpServer() as server:
        results = sent(channel(server), ANA, BO, unbegun=[ANA.recipient])
    assert [result.state for result in results] == [LATER, SENT]
    assert results[0].detail == "the ledger's disk is full"
    assert server.verbs().count("MAIL") == 1


@pytest.mark.parametrize("rule", ["unarmed", "stale"])
def test_without_leave_everything_but_the_dot_was_sent_and_nothing_is_kept(rule: str) -> None:
    with SmtpServer() as server:
        made = channel(server)
        rules: dict[str, Any] = {rule: [ANA.recipient]}
        passage = LoggedPassage(made, ANA, **rules)
        made.deliver(passage)
        (result,) = passage.results()
        assert server.hung_up.wait(5)
    assert (result.state, result.fault) == (LATER, False)
    assert server.received == []
    (written,) = server.broken_off
    frozen = passage.frozen[ANA.key]
    assert written == f"Message-ID: {frozen.reference}\r\n".encode() + frozen.head + frozen.document
    assert "QUIT" not in server.verbs()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("unarmed", "the ledger's disk is full"),
        ("stale", "was not finished, because this machine paused right before its end"),
    ],
)
def test_the_others_go_on_over_a_new_connection(rule: str, said: str) -> None:
    with SmtpServer() as server:
        results = sent(channel(server), ANA, BO, **{rule: [ANA.recipient]})
    assert [result.state for result in results] == [LATER, SENT]
    assert said in results[0].detail
    assert [message.recipients for message in server.received] == [("bo@example.com",)]
    assert server.connections == 2


def test_an_outbox_that_has_stopped_is_not_asked_twice() -> None:
    with SmtpServer() as server:
        made = channel(server)
        passage = LoggedPassage(made, ANA, BO, unarmed=[ANA.recipient], stops=True)
        made.deliver(passage)
    assert [result.state for result in passage.results()] == [LATER, LATER]
    assert [one.key for one in passage.taken] == [ANA.key]
    assert server.received == []


@pytest.mark.parametrize("act", [DROP, CLOSE, Act(text=b"421 4.4.2 bye\r\n", close=True)])
def test_a_server_that_leaves_while_we_arm_gets_no_dot(act: Act) -> None:
    with SmtpServer({"BODY": [act]}, extensions=[]) as server:

        def on_arm(one: Parcel) -> None:
            if one.key == ANA.key:
                assert server.hung_up.wait(5)

        results = sent(channel(server), ANA, BO, on_arm=on_arm)
    assert [result.state for result in results] == [LATER, SENT]
    assert [message.recipients for message in server.received] == [("bo@example.com",)]


@pytest.mark.parametrize(
    ("step", "state", "accepted"),
    [
        (Step.SMTP_CONNECT, LATER, 1),
        (Step.SMTP_MAIL, LATER, 1),
        (Step.SMTP_RCPT, LATER, 1),
        (Step.SMTP_354, LATER, 1),
        (Step.SMTP_BODY, LATER, 1),
        (Step.ARM_POST, UNCERTAIN, 1),
        (Step.DOT_POST, UNCERTAIN, 2),
        (Step.REPLY_POST, UNCERTAIN, 2),
    ],
)
def test_a_defect_is_logged_settled_honestly_and_keeps_nobody_else_waiting(
    step: Step, state: DeliveryState, accepted: int, caplog: pytest.LogCaptureFixture
) -> None:
    with SmtpServer() as server, listening(raising(step, ValueError("a defect"))):
        results = sent(channel(server), ANA, BO)
    assert [result.state for result in results] == [state, SENT]
    assert "ValueError in digest" in results[0].detail
    assert len(server.accepted) == accepted
    (record,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert record.exc_info is not None


def test_a_defect_with_every_mail_ends_like_a_server_that_keeps_breaking() -> None:
    def listener(step: Step) -> None:
        if step is Step.SMTP_RCPT:
            raise ValueError("a defect")

    people = [envelope(f"p{number}@example.com") for number in range(9)]
    with SmtpServer() as server, listening(listener):
        results = sent(channel(server), *people)
    assert {result.state for result in results} == {LATER}
    assert server.connections == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StoreError("the disk is gone")])
@pytest.mark.parametrize(("step", "state"), [(Step.SMTP_BODY, LATER), (Step.DOT_POST, UNCERTAIN)])
def test_a_stop_and_the_ledgers_trouble_go_up_once_the_parcel_is_settled(
    error: BaseException, step: Step, state: DeliveryState
) -> None:
    with SmtpServer() as server:
        made = channel(server)
        passage = LoggedPassage(made, ANA, BO)
        with listening(raising(step, error)), pytest.raises(type(error)):
            made.deliver(passage)
    first, second = passage.results()
    assert (first.state, second.state) == (state, LATER)
    assert [one.key for one in passage.taken] == [ANA.key]


def test_several_connections_settle_each_parcel_once() -> None:
    refuse = {f"p{n}@example.com": "550 no" for n in range(0, 40, 7)}
    people = [envelope(f"p{number}@example.com") for number in range(40)]
    script = {"DOT": [None, DROP, None, reply("451 later"), None, DROP], "MAIL": [None, DROP]}
    with SmtpServer(script, refuse=refuse) as server:
        results = sent(channel(server, connections=4), *people)
    states = {result.key.recipient: result.state for result in results}
    accepted = [message.recipients[0] for message in server.accepted]
    assert len(set(accepted)) == len(accepted)
    assert {who for who, state in states.items() if state is SENT} <= set(accepted)


def test_a_wrong_password_is_tried_once_however_many_connections_there_are() -> None:
    people = [envelope(f"p{number}@example.com") for number in range(9)]
    with SmtpServer(certificate="server.pem", users={"mailer": "another"}) as server:
        results = sent(secure_channel(server, connections=4), *people)
    assert server.verbs().count("AUTH") == 1
    assert {result.state for result in results} == {LATER}
    assert {(result.code, result.passing) for result in results} == {("535 5.7.8", False)}
    assert PASSWORD not in repr(results)


def test_mail_cannot_be_looked_up() -> None:
    with SmtpServer() as server:
        made = channel(server)
        look = made.look(parcel(made, ANA))
    assert look.sighting is Sighting.UNKNOWN
    assert "can't be looked up" in look.detail
    assert server.connections == 0
