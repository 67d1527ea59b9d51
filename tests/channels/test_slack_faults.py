"""Slack that refuses, waits, vanishes or lies: what became of each post is always told right."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryState
from digest.sandbox.slack import TOKEN, Answer, SlackSandbox
from tests.support.deliveries import (
    chart,
    details,
    envelope,
    headline,
    picture,
    slack,
)
from tests.support.slacking import (
    POST,
    channel,
    count,
    error,
    posts,
    sent,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SENT, FAILED = DeliveryState.SENT, DeliveryState.FAILED
LATER, UNCERTAIN = DeliveryState.RETRY_WAIT, DeliveryState.UNCERTAIN
DIGEST = slack(headline("up", chart()), pictures=(picture(),))
GROWTH, OPS = envelope("#growth"), envelope("#ops")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("channel_not_found", "check the name or id, and invite the bot"),
        ("not_in_channel", "invite it there with /invite"),
        ("is_archived", "unarchive it"),
        ("msg_too_long", "show fewer metrics"),
        ("msg_blocks_too_long", "show fewer metrics"),
        ("invalid_blocks", "layout of the message"),
        ("restricted_action", "ask an administrator"),
        ("some_new_error", "see https://docs.slack.dev/"),
    ],
)
def test_a_definite_no_fails_that_channel_alone_and_says_what_to_do(code: str, advice: str) -> None:
    with SlackSandbox(script=posts(error(code))) as sandbox:
        results = sent(channel(sandbox), GROWTH, OPS)
    assert [result.state for result in results] == [FAILED, SENT]
    assert (results[0].code, results[0].fault) == (code, False)
    assert results[0].detail.startswith(f"#growth: Slack refused: {code}; ")
    assert advice in results[0].detail
    assert count(sandbox) == 2


@pytest.mark.parametrize(
    "code",
    ["invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"],
)
def test_a_bad_token_fails_the_one_that_was_tried_and_holds_the_others(code: str) -> None:
    with SlackSandbox(script=posts(error(code), error(code))) as sandbox:
        results = sent(channel(sandbox), GROWTH, OPS)
    assert [result.state for result in results] == [FAILED, LATER]
    assert [(result.fault, result.passing) for result in results] == [(True, False)] * 2
    assert code in results[1].detail
    assert results[0].code == code
    assert count(sandbox) == 1


def test_a_missing_scope_is_named() -> None:
    answer = error("missing_scope", needed="chat:write", provided="files:write")
    with SlackSandbox(script=posts(answer)) as sandbox:
        (result,) = sent(channel(sandbox), GROWTH)
    assert (result.state, result.fault, result.passing) == (FAILED, True, False)
    assert "missing_scope (scope chat:write); the app lacks a permission" in result.detail


@pytest.mark.parametrize("code", ["service_unavailable", "request_timeout"])
def test_what_passes_by_itself_is_tried_later(code: str) -> None:
    with SlackSandbox(script=posts(error(code))) as sandbox:
        results = sent(channel(sandbox), GROWTH, OPS)
    assert [(result.state, result.fault) for result in results] == [(LATER, False), (SENT, False)]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(error("internal_error"), id="internal error"),
        pytest.param(error("fatal_error"), id="fatal error"),
        pytest.param(Answer(status=500, body="oops"), id="500"),
        pytest.param(Answer(status=502, body="<html>bad gateway</html>"), id="502"),
        pytest.param(Answer(status=503, body={"ok": False, "error": "x"}), id="503"),
        pytest.param(Answer(body="<html>please log in</html>"), id="a proxy's page"),
        pytest.param(Answer(body=""), id="empty"),
        pytest.param(Answer(body="ok"), id="not json"),
        pytest.param(Answer(body="[1]"), id="a list"),
        pytest.param(Answer(body="[" * 100_000), id="deep json"),
        pytest.param(Answer(body={"hello": 1}), id="another api"),
        pytest.param(Answer(body={"ok": "true"}), id="a yes that is none"),
        pytest.param(Answer(body={"ok": False}), id="a no without a reason"),
        pytest.param(Answer(hang_up=True), id="hung up"),
        pytest.param(Answer(act=True, hang_up=True), id="posted and hung up"),
        pytest.param(Answer(act=True, status=500, body=""), id="posted and 500"),
        pytest.param(Answer(body="x" * 2_000_000), id="endless body"),
    ],
)
def test_no_clear_answer_is_uncertain_and_the_post_is_not_repeated(answer: Answer) -> None:
    with SlackSandbox(script=posts(answer)) as sandbox:
        results = sent(channel(sandbox), GROWTH, OPS)
    assert [result.state for result in results] == [UNCERTAIN, SENT]
    assert results[0].detail.startswith("#growth: ")
    assert "html" not in results[0].detail
    assert count(sandbox) == 2


def test_after_two_unclear_answers_in_a_row_the_rest_waits() -> None:
    lost = Answer(hang_up=True)
    with SlackSandbox(script=posts(lost, lost, lost)) as sandbox:
        results = sent(channel(sandbox), GROWTH, OPS, envelope("#alerts"))
    assert [result.state for result in results] == [UNCERTAIN, UNCERTAIN, LATER]
    assert (results[2].fault, results[2].passing) == (True, True)
    assert results[2].detail == "Slack gives no clear answers"
    assert count(sandbox) == 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_with_the_token(status: int) -> None:
    with SlackSandbox() as elsewhere:
        moved = Answer(status=status, headers={"Location": f"{elsewhere.base_url}{POST}"})
        with SlackSandbox(script=posts(moved)) as sandbox:
            (result,) = sent(channel(sandbox), GROWTH)
    assert (result.state, result.fault, result.passing) == (LATER, True, False)
    assert f"http_{status}; is base_url right?" in result.detail
    assert elsewhere.calls == []


def test_an_address_that_is_not_slack_is_said_so() -> None:
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox, base_url=sandbox.base_url[:-4]), GROWTH)
    assert (result.state, result.fault, result.passing) == (LATER, True, False)
    assert "http_404; is base_url right?" in result.detail


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port at which nobody listens, for as long as the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_server_that_cannot_be_reached_puts_everything_off(dead_port: int) -> None:
    with SlackSandbox() as sandbox:
        made = channel(sandbox, base_url=f"http://127.0.0.1:{dead_port}/api/")
        results = sent(made, GROWTH, OPS)
    assert {result.state for result in results} == {LATER}
    assert {(result.fault, result.passing) for result in results} == {(True, True)}
    assert results[1].detail == "127.0.0.1 can't be reached: it refused the connection"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b"])
def test_a_name_that_does_not_exist_puts_everything_off(host: str) -> None:
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox, base_url=f"https://{host}/api/"), GROWTH)
    assert result.state is LATER
    assert "host name" in result.detail


def test_https_to_a_server_that_speaks_none_puts_off(dead_port: int) -> None:
    del dead_port
    with SlackSandbox() as sandbox:
        url = sandbox.base_url.replace("http:", "https:")
        (result,) = sent(channel(sandbox, base_url=url), GROWTH)
    assert result.state is LATER
    assert "the encryption failed" in result.detail


def test_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, dead_port: int
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://user:proxypass@127.0.0.1:{dead_port}")
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox), GROWTH)
    assert result.state is SENT


@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        pytest.param(error("is_archived"), "part 2 left out: Slack refused", id="refused"),
        pytest.param(error("internal_error"), "part 2 may be missing: ", id="unclear"),
        pytest.param(Answer(act=True, hang_up=True), "part 2 may be missing: ", id="lost"),
        pytest.param(wait("900"), "part 2 left out: Slack asks to wait 900 s", id="limit"),
    ],
)
def test_once_the_headline_is_posted_a_lost_reply_is_a_remark(answer: Answer, remark: str) -> None:
    given = envelope("#growth", posts=slack(headline("up"), details("more")))
    with SlackSandbox(script=posts(None, answer)) as sandbox:
        (result,) = sent(channel(sandbox), given)
    assert result.state is SENT
    assert result.reference == sandbox.posts[0].ts
    assert result.remarks[0].startswith(remark)


def test_a_yes_without_a_timestamp_is_a_yes_without_replies() -> None:
    given = envelope("#growth", posts=slack(headline("up"), details("more")))
    with SlackSandbox(script=posts(Answer(body={"ok": True}))) as sandbox:
        (result,) = sent(channel(sandbox), given)
    assert (result.state, result.reference) == (SENT, None)
    assert result.remarks == ("part 2 left out: Slack did not say where the thread is",)


def test_no_token_gets_into_logs_or_results(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:proxypass@127.0.0.1:9")
    caplog.set_level(logging.DEBUG)
    for name in ("slack_sdk", "slack_sdk.web", "slack_sdk.web.base_client"):
        caplog.set_level(logging.DEBUG, logger=name)
    bad = Answer(body="<html>xoxb-leaked-body</html>")
    with SlackSandbox(script=posts(bad)) as sandbox:
        made = channel(sandbox)
        results = sent(made, envelope("#growth", posts=DIGEST), envelope("#ops", posts=DIGEST))
        made.probe()
    output = caplog.text + repr(results) + repr([r.__dict__ for r in caplog.records])
    for secret in (TOKEN, "leaked-body", "proxypass", "Bearer"):
        assert secret not in output
