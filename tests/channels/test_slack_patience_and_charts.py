"""Slack that asks for patience or does not take the charts: the message goes out all the same."""

from __future__ import annotations

from typing import Any

import pytest

from digest.core.content import DeliveryState
from digest.sandbox.slack import Answer, SlackSandbox
from tests.support.deliveries import Clock, chart, envelope, headline, picture, section, slack
from tests.support.slacking import BEGIN, POST, answers, channel, error, posts, wait

SENT, LATER = DeliveryState.SENT, DeliveryState.RETRY_WAIT
DIGEST = slack(headline("up", chart()), pictures=(picture(),))
GROWTH, OPS = envelope("#growth"), envelope("#ops")


def count(sandbox: SlackSandbox, method: str = POST) -> int:
    return sum(call.method == method for call in sandbox.calls)


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
        (receipt,) = channel(sandbox, clock).deliver((GROWTH,))
    assert receipt.state is SENT
    assert clock.waits == [waited]
    assert len(sandbox.posts) == 1


@pytest.mark.parametrize("asked", ["61", "1000000000", "9" * 12])
def test_a_long_wait_puts_this_message_and_the_rest_off(asked: str) -> None:
    clock = Clock()
    with SlackSandbox(script=posts(wait(asked))) as sandbox:
        receipts = channel(sandbox, clock).deliver((GROWTH, OPS))
    assert [receipt.state for receipt in receipts] == [LATER, LATER]
    assert "Slack asks to wait" in receipts[1].detail
    assert clock.waits == []
    assert count(sandbox) == 1


def test_many_short_waits_end_as_well() -> None:
    clock = Clock()
    with SlackSandbox(script=posts(*[wait("25")] * 9)) as sandbox:
        (receipt,) = channel(sandbox, clock).deliver((GROWTH,))
    assert receipt.state is LATER
    assert clock.waits == [25.0, 25.0]


def test_ratelimited_as_an_error_code_is_waited_for_too() -> None:
    clock = Clock()
    with SlackSandbox(script=posts(error("ratelimited"))) as sandbox:
        (receipt,) = channel(sandbox, clock).deliver((GROWTH,))
    assert receipt.state is SENT
    assert clock.waits == [30.0]


def test_a_limit_on_uploads_is_waited_for() -> None:
    clock = Clock()
    script = answers(
        files__getUploadURLExternal=[wait("3")],
        upload=[Answer(status=429, headers={"Retry-After": "4"})],
    )
    with SlackSandbox(script=script) as sandbox:
        (receipt,) = channel(sandbox, clock).deliver((envelope("#growth", posts=DIGEST),))
    assert (receipt.state, receipt.remarks) == (SENT, ())
    assert clock.waits[:2] == [3.0, 4.0]


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
        pytest.param(answers(files__getUploadURLExternal=[wait("600")]), id="limit"),
    ],
)
def test_an_upload_that_fails_costs_the_chart_and_not_the_message(script: Any) -> None:
    with SlackSandbox(script=script) as sandbox:
        (receipt,) = channel(sandbox).deliver((envelope("#growth", posts=DIGEST),))
    assert receipt.state is SENT
    assert sandbox.posts[0].blocks == [section("up")]
    (remark,) = receipt.remarks
    assert remark.startswith('chart "sessions" left out: ')


def test_after_two_uploads_in_vain_no_other_is_tried() -> None:
    names = ("a", "b", "c", "d")
    content = slack(
        headline("up", *(chart(name) for name in names)),
        pictures=tuple(picture(name) for name in names),
    )
    script = answers(files__getUploadURLExternal=[error("missing_scope")] * 4)
    with SlackSandbox(script=script) as sandbox:
        (receipt,) = channel(sandbox).deliver((envelope("#growth", posts=content),))
    assert receipt.state is SENT
    assert len(receipt.remarks) == 4
    assert count(sandbox, BEGIN) == 2


def test_an_image_that_slack_refuses_costs_the_chart_and_not_the_message() -> None:
    refused = error("invalid_blocks", errors=["invalid slack file [json-pointer:/blocks/1]"])
    with SlackSandbox(script=posts(refused)) as sandbox:
        (receipt,) = channel(sandbox).deliver((envelope("#growth", posts=DIGEST),))
    assert receipt.state is SENT
    assert receipt.remarks == ('chart "sessions" left out: Slack did not take it in the message',)
    assert sandbox.posts[0].blocks == [section("up")]


def test_without_the_scope_to_look_at_files_the_chart_is_tried_all_the_same() -> None:
    clock = Clock()
    script = answers(files__info=[error("missing_scope", needed="files:read")])
    with SlackSandbox(script=script) as sandbox:
        (receipt,) = channel(sandbox, clock).deliver((envelope("#growth", posts=DIGEST),))
    assert (receipt.state, receipt.remarks) == (SENT, ())
    assert clock.waits == []


def test_a_file_that_cannot_be_asked_about_now_is_tried_all_the_same() -> None:
    with SlackSandbox(script=answers(files__info=[Answer(hang_up=True)])) as sandbox:
        (receipt,) = channel(sandbox).deliver((envelope("#growth", posts=DIGEST),))
    assert (receipt.state, receipt.remarks) == (SENT, ())
