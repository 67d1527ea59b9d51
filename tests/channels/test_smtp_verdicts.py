from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.channels.smtp.verdicts import (
    Stage,
    Verdict,
    judge,
    login_traces,
    printable,
    refusal,
    status_of,
    took,
)

SETUP = (Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.AUTH)


@pytest.mark.parametrize(
    ("stage", "code", "verdict"),
    [
        pytest.param(Stage.MAIL, 451, Verdict.LATER, id="mail put off"),
        pytest.param(Stage.MAIL, 421, Verdict.LATER, id="server is leaving"),
        pytest.param(Stage.MAIL, 550, Verdict.CHANNEL, id="sender refused"),
        pytest.param(Stage.MAIL, 530, Verdict.CHANNEL, id="mail without login"),
        pytest.param(Stage.MAIL, 552, Verdict.TOO_LARGE, id="mail too large"),
        pytest.param(Stage.RCPT, 552, Verdict.TOO_LARGE, id="too large for this person"),
        pytest.param(Stage.DATA, 552, Verdict.TOO_LARGE, id="too large in mid message"),
        pytest.param(Stage.DOT, 552, Verdict.TOO_LARGE, id="too large in the end"),
        pytest.param(Stage.RCPT, 450, Verdict.LATER, id="mailbox busy"),
        pytest.param(Stage.RCPT, 550, Verdict.FAILED, id="no such person"),
        pytest.param(Stage.RCPT, 530, Verdict.CHANNEL, id="rcpt without login"),
        pytest.param(Stage.DATA, 451, Verdict.LATER, id="data put off"),
        pytest.param(Stage.DATA, 554, Verdict.FAILED, id="data refused"),
        pytest.param(Stage.DOT, 452, Verdict.LATER, id="disk full after the dot"),
        pytest.param(Stage.DOT, 554, Verdict.FAILED, id="content refused"),
        pytest.param(Stage.DOT, 354, Verdict.UNKNOWN, id="neither yes nor no after the dot"),
        pytest.param(Stage.DOT, 220, Verdict.UNKNOWN, id="another yes than the one for a dot"),
        pytest.param(Stage.RCPT, 354, Verdict.LATER, id="neither yes nor no before the dot"),
    ],
)
def test_what_a_reply_means(stage: Stage, code: int, verdict: Verdict) -> None:
    assert judge(stage, code) is verdict


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT])
@pytest.mark.parametrize("status", ["5.2.3", "5.3.4"])
def test_a_status_code_can_say_that_it_is_the_size(stage: Stage, status: str) -> None:
    assert judge(stage, 550, status) is Verdict.TOO_LARGE
    assert judge(stage, 450, status) is Verdict.LATER
    assert "is too large: 550 5." in refusal("h:1", stage, 550, f"{status} no")


@pytest.mark.parametrize(
    ("code", "taken"),
    [(250, True), (252, True), (299, True), (220, False), (221, False), (354, False), (450, False)],
)
def test_what_is_a_yes_to_a_finished_message(code: int, *, taken: bool) -> None:
    assert took(code) is taken


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("4.7.1 come back", "4.7.1"),
        ("5.1.1", "5.1.1"),
        ("come back", ""),
        ("1.2.3.4 is blocked", ""),
        ("5.7.1.2 no", ""),
        ("5.1234.1 no", ""),
    ],
)
def test_an_enhanced_status_code_is_read_where_there_is_one(words: str, status: str) -> None:
    assert status_of(words) == status


@pytest.mark.parametrize("stage", SETUP)
@pytest.mark.parametrize("code", [421, 454, 500, 502, 535, 554, 250])
def test_a_no_before_the_first_mail_is_for_everybody(stage: Stage, code: int) -> None:
    assert judge(stage, code) is Verdict.CHANNEL


@given(stage=st.sampled_from(Stage), code=st.integers(0, 999))
def test_only_after_the_dot_is_an_outcome_ever_unknown(stage: Stage, code: int) -> None:
    assert (judge(stage, code) is Verdict.UNKNOWN) <= (stage is Stage.DOT)


def test_a_refusal_names_server_stage_and_reply() -> None:
    sentence = refusal("mail.example.com:587", Stage.RCPT, 550, "5.1.1 no such user")
    assert sentence == "mail.example.com:587 did not take the recipient: 550 5.1.1 no such user"


def test_a_refused_login_says_what_to_look_at() -> None:
    assert refusal("h:1", Stage.AUTH, 535, "no").endswith("check username and password")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        pytest.param(b"plain words", "plain words", id="plain"),
        pytest.param(b"two\r\nlines\x1b[2J", "two lines [2J", id="controls"),
        pytest.param(b"x" * 5000, "x" * 199 + "…", id="long"),
        pytest.param(b"\xff\xfe", "��", id="no utf-8"),
        pytest.param(b"login mailer/s3cr3t-word", "login [redacted]/[redacted]", id="login"),
        pytest.param(b"AHBhAHM= bWFpbGVy", "AHBhAHM= [redacted]", id="coded username"),
        pytest.param(b"czNjcjN0LXdvcmQ=", "[redacted]", id="coded password"),
        pytest.param(b"AG1haWxlcgBzM2NyM3Qtd29yZA==", "[redacted]", id="coded login"),
    ],
)
def test_a_servers_words_are_short_printable_and_without_the_login(text: bytes, seen: str) -> None:
    assert printable(text, login_traces("mailer", "s3cr3t-word")) == seen


def test_a_short_username_is_only_taken_out_where_it_is_a_word() -> None:
    traces = login_traces("me", "a-long-password")
    assert printable(b"me: mailbox some@me.example", traces) == (
        "[redacted]: mailbox some@[redacted].example"
    )
