"""Slack that asks for patience or does not take the charts: the message goes out all the same."""

from __future__ import annotations

from typing import Any

import pytest

from digest.core.content import DeliveryState
from digest.sandbox.slack import Answer, SlackSandbox
from tests.support.deliveries import (
    Clock,
    chart,
    details,
    envelope,
    headline,
    picture,
    section,
    slack,
)
from tests.support.slacking import (
    BEGIN,
    answers,
    channel,
    count,
    error,
    posts,
    sent,
    wait,
)

SENT, LATER = DeliveryState.SENT, DeliveryState.RETRY_WAIT
DIGEST = slack(headline("up", chart()), pictures=(picture(),))
GROWTH, OPS = envelope("#growth"), envelope("#ops")


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        pytest.param("7", 7.0, id="seconds"),
        pytest.param("0", 1.0, id="at once"),
        pytest.param(None, 30.0, id="not said"),
        pytest.param("soon", 30.0, id="nonsense"),
        pytest.param("-5", 30.0, id="negative"),
    ],
)
def test_a_limit_is_waited_for_and_the_message_posted_once(
    asked: str | None, waited: float
) -> None:
    clock = Clock()
    with SlackSandbox(script=posts(wait(asked))) as sandbox:
        (result,) = sent(channel(sandbox, clock), GROWTH)
    assert result.state is SENT
    assert clock.waits == [waited]
    assert len(sandbox.posts) == 1


def test_a_limit_in_one_channel_keeps_no_other_one_from_its_digest() -> None:
    clock = Clock()
    with SlackSandbox(script=posts(wait("30"))) as sandbox:
        results = sent(channel(sandbox, clock), GROWTH, OPS)
    assert [result.state for result in results] == [SENT, SENT]
    assert [post.channel for post in sandbox.posts] == ["C0123456789", "C0000000003"]
    assert clock.waits == [30.0]


@pytest.mark.parametrize("asked", ["61", "1000000000", "9" * 12])
def test_a_long_wait_puts_this_message_and_the_rest_off(asked: str) -> None:
    clock = Clock()
    with SlackSandbox(script=posts(wait(asked))) as sandbox:
        results = sent(channel(sandbox, clock), GROWTH, OPS)
    assert [result.state for result in results] == [LATER, LATER]
    assert (results[0].fault, results[0].passing) == (True, True)
    assert results[0].retry_after == min(float(asked), 86_400)
    assert results[0].code == "ratelimited"
    assert "Slack asks to wait" in results[1].detail
    assert clock.waits == []
    assert count(sandbox) == 1


def test_many_short_waits_end_as_well() -> None:
    clock = Clock()
    with SlackSandbox(script=posts(*[wait("25")] * 9)) as sandbox:
        (result,) = sent(channel(sandbox, clock), GROWTH)
    assert result.state is LATER
    assert clock.waits == [25.0, 25.0]


def test_ratelimited_as_an_error_code_is_waited_for_too() -> None:
    clock = Clock()
    with SlackSandbox(script=posts(error("ratelimited"))) as sandbox:
        (result,) = sent(channel(sandbox, clock), GROWTH)
    assert result.state is SENT
    assert clock.waits == [30.0]


def test_a_limit_on_uploads_is_waited_for() -> None:
    clock = Clock()
    script = answers(
        files__getUploadURLExternal=[wait("30")],
        upload=[Answer(status=429, headers={"Retry-After": "4"})],
    )
    with SlackSandbox(script=script) as sandbox:
        (result,) = sent(channel(sandbox, clock), envelope("#growth", posts=DIGEST))
    assert (result.state, result.remarks) == (SENT, ())
    assert clock.waits == [30.0, 4.0]
    assert len(sandbox.posts) == 1


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(answers(files__getUploadURLExternal=[error("missing_scope")]), id="no scope"),
        pytest.param(
            answers(files__getUploadURLExternal=[Answer(body={"ok": True})]), id="no address"
        ),
        pytest.param(
            answers(
                files__getUploadURLExternal=[
                    Answer(body={"ok": True, "file_id": "F0", "upload_url": "ftp://127.0.0.1/file"})
                ]
            ),
            id="a strange address",
        ),
        pytest.param(answers(upload=[Answer(status=500, body="no")]), id="bytes refused"),
        pytest.param(answers(upload=[Answer(hang_up=True)]), id="bytes lost"),
        pytest.param(
            answers(files__completeUploadExternal=[error("internal_error")]), id="not completed"
        ),
        pytest.param(answers(files__info=[error("file_not_found")] * 99), id="never ready"),
        pytest.param(answers(files__getUploadURLExternal=[wait("600")]), id="limit"),
    ],
)
def test_an_upload_that_fails_costs_the_chart_and_not_the_message(script: Any) -> None:
    with SlackSandbox(script=script) as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=DIGEST))
    assert result.state is SENT
    assert sandbox.posts[0].blocks == [section("up")]
    (remark,) = result.remarks
    assert remark.startswith('chart "sessions" left out: ')


def test_after_two_uploads_in_vain_no_other_is_tried() -> None:
    names = ("a", "b", "c", "d")
    content = slack(
        headline("up", *(chart(name) for name in names)),
        pictures=tuple(picture(name) for name in names),
    )
    script = answers(files__getUploadURLExternal=[error("missing_scope")] * 4)
    with SlackSandbox(script=script) as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=content))
    assert result.state is SENT
    assert len(result.remarks) == 4
    assert count(sandbox, BEGIN) == 2


def test_an_image_that_slack_refuses_costs_the_chart_and_not_the_message() -> None:
    refused = error("invalid_blocks", errors=["invalid slack file [json-pointer:/blocks/1]"])
    with SlackSandbox(script=posts(refused)) as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=DIGEST))
    assert result.state is SENT
    assert result.remarks == ('chart "sessions" left out: Slack did not take it in the message',)
    assert sandbox.posts[0].blocks == [section("up")]


def test_an_image_that_slack_refuses_in_a_reply_costs_the_chart_and_not_the_reply() -> None:
    content = slack(headline("up"), details("more", chart()), pictures=(picture(),))
    with SlackSandbox(script=posts(None, error("invalid_blocks"))) as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=content))
    assert result.state is SENT
    assert result.remarks == ('chart "sessions" left out: Slack did not take it in the message',)
    assert [post.blocks for post in sandbox.posts] == [[section("up")], [section("more")]]


def test_without_the_scope_to_look_at_files_the_chart_is_tried_all_the_same() -> None:
    clock = Clock()
    script = answers(files__info=[error("missing_scope", needed="files:read")])
    with SlackSandbox(script=script) as sandbox:
        (result,) = sent(channel(sandbox, clock), envelope("#growth", posts=DIGEST))
    assert (result.state, result.remarks) == (SENT, ())
    assert clock.waits == []


def test_a_file_that_cannot_be_asked_about_now_is_tried_all_the_same() -> None:
    with SlackSandbox(script=answers(files__info=[Answer(hang_up=True)])) as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=DIGEST))
    assert (result.state, result.remarks) == (SENT, ())
