from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.channels.smtp.verdicts import Step, Verdict, judge, login_traces, printable, refusal

SETUP = (Step.GREETING, Step.EHLO, Step.STARTTLS, Step.AUTH)


@pytest.mark.parametrize(
    ("step", "code", "verdict"),
    [
        pytest.param(Step.MAIL, 451, Verdict.LATER, id="mail put off"),
        pytest.param(Step.MAIL, 421, Verdict.LATER, id="server is leaving"),
        pytest.param(Step.MAIL, 550, Verdict.CHANNEL, id="sender refused"),
        pytest.param(Step.MAIL, 530, Verdict.CHANNEL, id="mail without login"),
        pytest.param(Step.MAIL, 552, Verdict.FAILED, id="mail too large"),
        pytest.param(Step.RCPT, 450, Verdict.LATER, id="mailbox busy"),
        pytest.param(Step.RCPT, 550, Verdict.FAILED, id="no such person"),
        pytest.param(Step.RCPT, 530, Verdict.CHANNEL, id="rcpt without login"),
        pytest.param(Step.DATA, 451, Verdict.LATER, id="data put off"),
        pytest.param(Step.DATA, 554, Verdict.FAILED, id="data refused"),
        pytest.param(Step.DOT, 452, Verdict.LATER, id="disk full after the dot"),
        pytest.param(Step.DOT, 554, Verdict.FAILED, id="content refused"),
        pytest.param(Step.DOT, 354, Verdict.UNKNOWN, id="neither yes nor no after the dot"),
        pytest.param(Step.DOT, 220, Verdict.UNKNOWN, id="another yes than the one for a dot"),
        pytest.param(Step.RCPT, 354, Verdict.LATER, id="neither yes nor no before the dot"),
    ],
)
def test_what_a_reply_means(step: Step, code: int, verdict: Verdict) -> None:
    assert judge(step, code) is verdict


@pytest.mark.parametrize("step", SETUP)
@pytest.mark.parametrize("code", [421, 454, 500, 502, 535, 554, 250])
def test_a_no_before_the_first_mail_is_for_everybody(step: Step, code: int) -> None:
    assert judge(step, code) is Verdict.CHANNEL


@given(step=st.sampled_from(Step), code=st.integers(0, 999))
def test_only_after_the_dot_is_an_outcome_ever_unknown(step: Step, code: int) -> None:
    assert (judge(step, code) is Verdict.UNKNOWN) <= (step is Step.DOT)


def test_a_refusal_names_server_step_and_reply() -> None:
    sentence = refusal("mail.example.com:587", Step.RCPT, 550, "5.1.1 no such user")
    assert sentence == "mail.example.com:587 did not take the recipient: 550 5.1.1 no such user"


def test_a_refused_login_says_what_to_look_at() -> None:
    assert refusal("h:1", Step.AUTH, 535, "no").endswith("check username and password")


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
