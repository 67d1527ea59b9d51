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
    error,
    posts,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SENT, FAILED = DeliveryState.SENT, DeliveryState.FAILED
LATER, UNCERTAIN = DeliveryState.RETRY_WAIT, DeliveryState.UNCERTAIN
DIGEST = slack(headline("up", chart()), pictures=(picture(),))
GROWTH, OPS = envelope("#growth"), envelope("#ops")


def count(sandbox: SlackSandbox) -> int:
    return sum(call.method == POST for call in sandbox.calls)


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
        receipts = channel(sandbox).deliver((GROWTH, OPS))
    assert [receipt.state for receipt in receipts] == [FAILED, SENT]
    assert receipts[0].detail.startswith(f"#growth: Slack refused: {code}; ")
    assert advice in receipts[0].detail
    assert count(sandbox) == 2


@pytest.mark.parametrize(
    "code",
    ["invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"],
)
def test_a_bad_token_is_tried_once_and_fails_everybody(code: str) -> None:
    with SlackSandbox(script=posts(error(code), error(code))) as sandbox:
        receipts = channel(sandbox).deliver((GROWTH, OPS))
    assert [receipt.state for receipt in receipts] == [FAILED, FAILED]
    assert code in receipts[1].detail
    assert count(sandbox) == 1


def test_a_missing_scope_is_named() -> None:
    answer = error("missing_scope", needed="chat:write", provided="files:write")
    with SlackSandbox(script=posts(answer)) as sandbox:
        (receipt,) = channel(sandbox).deliver((GROWTH,))
    assert receipt.state is FAILED
    assert "missing_scope (scope chat:write); the app lacks a permission" in receipt.detail


@pytest.mark.parametrize("code", ["service_unavailable", "request_timeout"])
def test_what_passes_by_itself_is_tried_later(code: str) -> None:
    with SlackSandbox(script=posts(error(code))) as sandbox:
        receipts = channel(sandbox).deliver((GROWTH, OPS))
    assert [receipt.state for receipt in receipts] == [LATER, SENT]


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
        receipts = channel(sandbox).deliver((GROWTH, OPS))
    assert [receipt.state for receipt in receipts] == [UNCERTAIN, SENT]
    assert receipts[0].detail.startswith("#growth: ")
    assert "html" not in receipts[0].detail
    assert count(sandbox) == 2


def test_after_two_unclear_answers_in_a_row_the_rest_waits() -> None:
    lost = Answer(hang_up=True)
    with SlackSandbox(script=posts(lost, lost, lost)) as sandbox:
        receipts = channel(sandbox).deliver((GROWTH, OPS, envelope("#alerts")))
    assert [receipt.state for receipt in receipts] == [UNCERTAIN, UNCERTAIN, LATER]
    assert count(sandbox) == 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_with_the_token(status: int) -> None:
    with SlackSandbox() as elsewhere:
        moved = Answer(status=status, headers={"Location": f"{elsewhere.base_url}{POST}"})
        with SlackSandbox(script=posts(moved)) as sandbox:
            (receipt,) = channel(sandbox).deliver((GROWTH,))
    assert receipt.state is FAILED
    assert f"http_{status}; is base_url right?" in receipt.detail
    assert elsewhere.calls == []


def test_an_address_that_is_not_slack_is_said_so() -> None:
    with SlackSandbox() as sandbox:
        (receipt,) = channel(sandbox, base_url=sandbox.base_url[:-4]).deliver((GROWTH,))
    assert receipt.state is FAILED
    assert "http_404; is base_url right?" in receipt.detail


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port at which nobody listens, for as long as the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_server_that_cannot_be_reached_puts_everything_off(dead_port: int) -> None:
    with SlackSandbox() as sandbox:
        made = channel(sandbox, base_url=f"http://127.0.0.1:{dead_port}/api/")
        receipts = made.deliver((GROWTH, OPS))
    assert {receipt.state for receipt in receipts} == {LATER}
    assert receipts[1].detail == "127.0.0.1 can't be reached: it refused the connection"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b"])
def test_a_name_that_does_not_exist_puts_everything_off(host: str) -> None:
    with SlackSandbox() as sandbox:
        (receipt,) = channel(sandbox, base_url=f"https://{host}/api/").deliver((GROWTH,))
    assert receipt.state is LATER
    assert "host name" in receipt.detail


def test_https_to_a_server_that_speaks_none_puts_off(dead_port: int) -> None:
    del dead_port
    with SlackSandbox() as sandbox:
        url = sandbox.base_url.replace("http:", "https:")
        (receipt,) = channel(sandbox, base_url=url).deliver((GROWTH,))
    assert receipt.state is LATER
    assert "the encryption failed" in receipt.detail


def test_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, dead_port: int
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://user:proxypass@127.0.0.1:{dead_port}")
    with SlackSandbox() as sandbox:
        (receipt,) = channel(sandbox).deliver((GROWTH,))
    assert receipt.state is SENT


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
    sent = envelope("#growth", posts=slack(headline("up"), details("more")))
    with SlackSandbox(script=posts(None, answer)) as sandbox:
        (receipt,) = channel(sandbox).deliver((sent,))
    assert receipt.state is SENT
    assert receipt.reference == sandbox.posts[0].ts
    assert receipt.remarks[0].startswith(remark)


def test_a_yes_without_a_timestamp_is_a_yes_without_replies() -> None:
    sent = envelope("#growth", posts=slack(headline("up"), details("more")))
    with SlackSandbox(script=posts(Answer(body={"ok": True}))) as sandbox:
        (receipt,) = channel(sandbox).deliver((sent,))
    assert (receipt.state, receipt.reference) == (SENT, None)
    assert receipt.remarks == ("part 2 left out: Slack did not say where the thread is",)


def test_no_token_gets_into_logs_or_receipts(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:proxypass@127.0.0.1:9")
    caplog.set_level(logging.DEBUG)
    for name in ("slack_sdk", "slack_sdk.web", "slack_sdk.web.base_client"):
        caplog.set_level(logging.DEBUG, logger=name)
    bad = Answer(body="<html>xoxb-leaked-body</html>")
    with SlackSandbox(script=posts(bad)) as sandbox:
        made = channel(sandbox)
        receipts = made.deliver((envelope("#growth", posts=DIGEST), envelope("#ops", posts=DIGEST)))
        made.probe()
    output = caplog.text + repr(receipts) + repr([r.__dict__ for r in caplog.records])
    for secret in (TOKEN, "leaked-body", "proxypass", "Bearer"):
        assert secret not in output
