"""Only between `arm` and `settle` may Slack be asked to post; all waiting is done before."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import DeliveryState
from digest.core.steps import Step
from digest.errors import NotArmedError
from digest.sandbox.slack import Answer, SlackSandbox
from tests.support.deliveries import Clock, chart, details, envelope, headline, picture, slack
from tests.support.slacking import (
    BEGIN,
    BYTES,
    COMPLETE,
    INFO,
    POST,
    SlackPassage,
    channel,
    count,
    error,
    heard,
    posts,
    sent,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.core.content import Parcel

SENT, LATER = DeliveryState.SENT, DeliveryState.RETRY_WAIT
FAILED, UNCERTAIN = DeliveryState.FAILED, DeliveryState.UNCERTAIN
DIGEST = slack(headline("up", chart()), details("more"), pictures=(picture(),))
GROWTH, OPS = envelope("#growth", posts=DIGEST), envelope("#ops", posts=DIGEST)
BAD_PICTURE = error("invalid_blocks", errors=["invalid slack file"])


def calls_of(passage: SlackPassage, recipient: str = "#growth") -> list[str]:
    return [name for name, whose in passage.calls if whose == recipient]


def test_charts_go_up_first_then_the_risk_is_recorded_then_it_is_posted() -> None:
    events: list[str] = []

    def watch(method: str, _payload: Mapping[str, Any], _n: int) -> None:
        events.append(method)

    with SlackSandbox(script=watch) as sandbox, heard(events.append):
        made = channel(sandbox)
        made.deliver(SlackPassage(made, GROWTH, events=events))
    assert events == [
        "begin",
        *(BEGIN, BYTES, COMPLETE, INFO),
        Step.SLACK_UPLOADED,
        "arm",
        Step.SLACK_ARMED,
        "still_fresh",
        POST,
        Step.SLACK_POSTED,
        Step.SLACK_REPLIED,
        POST,
        "settle",
    ]


@pytest.mark.parametrize("rule", ["unbegun", "unarmed", "stale"])
def test_without_a_fresh_record_nothing_is_posted_and_the_next_one_goes_on(rule: str) -> None:
    with SlackSandbox() as sandbox:
        results = sent(channel(sandbox), GROWTH, OPS, **{rule: ["#growth"]})
    assert [result.state for result in results] == [LATER, SENT]
    assert {post.channel for post in sandbox.posts} == {"C0000000003"}
    assert not results[0].fault


def test_the_reason_why_it_was_not_recorded_is_kept() -> None:
    with SlackSandbox() as sandbox:
        (refused,) = sent(channel(sandbox), GROWTH, unarmed=["#growth"])
        (late,) = sent(channel(sandbox), GROWTH, stale=["#growth"])
    assert refused.detail == "the ledger's disk is full"
    assert late.detail == "it took too long from recording the post to posting"


def test_what_was_not_begun_uploads_nothing() -> None:
    with SlackSandbox() as sandbox:
        sent(channel(sandbox), GROWTH, unbegun=["#growth"])
    assert sandbox.calls == []


def test_after_a_wait_that_slack_asks_for_the_risk_is_recorded_anew() -> None:
    with SlackSandbox(script=posts(wait("30"))) as sandbox:
        made = channel(sandbox)
        passage = SlackPassage(made, GROWTH)
        made.deliver(passage)
    assert calls_of(passage) == ["begin", "arm", "still_fresh", "arm", "still_fresh", "settle"]
    assert passage.results()[0].state is SENT
    assert [post.text for post in sandbox.posts] == ["up", "more"]


def test_when_it_cannot_be_recorded_anew_nothing_is_posted() -> None:
    armed: list[Parcel] = []

    def once(parcel: Parcel) -> None:
        armed.append(parcel)
        if len(armed) > 1:
            raise NotArmedError("the ledger's disk is full")

    with SlackSandbox(script=posts(wait("30"))) as sandbox:
        results = sent(channel(sandbox), GROWTH, OPS, on_arm=once)
    assert [result.state for result in results] == [LATER, LATER]
    assert sandbox.posts == []
    assert count(sandbox) == 1


def test_the_try_without_pictures_is_made_under_the_same_record_while_that_is_fresh() -> None:
    with SlackSandbox(script=posts(BAD_PICTURE)) as sandbox:
        made = channel(sandbox)
        passage = SlackPassage(made, GROWTH)
        made.deliver(passage)
    assert calls_of(passage) == ["begin", "arm", "still_fresh", "still_fresh", "settle"]
    assert passage.results()[0].state is SENT


def test_the_try_without_pictures_is_recorded_anew_when_the_first_record_got_old() -> None:
    stale: list[str] = []

    def refuse(method: str, _payload: Mapping[str, Any], n: int) -> Answer | None:
        if method != POST or n > 1:
            return None
        stale.append("#growth")
        return BAD_PICTURE

    def renew(_parcel: Parcel) -> None:
        stale.clear()

    with SlackSandbox(script=refuse) as sandbox:
        made = channel(sandbox)
        passage = SlackPassage(made, GROWTH, stale=stale, on_arm=renew)
        made.deliver(passage)
    assert calls_of(passage).count("arm") == 2
    assert passage.results()[0].state is SENT


def test_the_second_between_two_posts_has_passed_before_the_risk_is_recorded() -> None:
    clock = Clock()
    armed: list[float] = []
    posted: list[float] = []

    def watch(method: str, _payload: Mapping[str, Any], _n: int) -> None:
        if method == POST:
            posted.append(clock.now)

    given = envelope("#growth"), envelope("#growth", generation=1)
    with SlackSandbox(script=watch) as sandbox:
        sent(channel(sandbox, clock), *given, on_arm=lambda _parcel: armed.append(clock.now))
    assert armed == posted == [1000.0, 1001.0]


@pytest.mark.parametrize(
    ("answer", "steps"),
    [
        pytest.param(None, [Step.SLACK_POSTED, Step.SLACK_REPLIED], id="posted"),
        pytest.param(Answer(act=True, hang_up=True), [Step.SLACK_POSTED], id="answer lost"),
        pytest.param(error("is_archived"), [Step.SLACK_POSTED], id="refused"),
    ],
)
def test_the_steps_after_the_post_tell_an_answer_from_a_yes(
    answer: Answer | None, steps: list[Step]
) -> None:
    seen: list[Step] = []
    with SlackSandbox(script=posts(answer)) as sandbox, heard(seen.append):
        sent(channel(sandbox), envelope("#growth"))
    assert seen == [Step.SLACK_UPLOADED, Step.SLACK_ARMED, *steps]


@pytest.mark.parametrize(
    ("step", "state"),
    [
        (Step.SLACK_UPLOADED, LATER),
        (Step.SLACK_ARMED, UNCERTAIN),
        (Step.SLACK_POSTED, UNCERTAIN),
        (Step.SLACK_REPLIED, UNCERTAIN),
    ],
)
def test_a_defect_costs_one_delivery_and_is_logged(
    caplog: pytest.LogCaptureFixture, step: Step, state: DeliveryState
) -> None:
    broken: list[Step] = []

    def breaks(reached: Step) -> None:
        if reached is step and not broken:
            broken.append(step)
            raise RuntimeError("xyz")

    with SlackSandbox() as sandbox, heard(breaks):
        results = sent(channel(sandbox), GROWTH, OPS)
    assert [result.state for result in results] == [state, SENT]
    assert results[0].detail == "internal error (RuntimeError); this is a defect of digest"
    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]


FAULTS = {
    "refused": error("channel_not_found"),
    "passing": error("service_unavailable"),
    "bot": error("token_revoked"),
    "bad blocks": BAD_PICTURE,
    "limit": wait("5"),
    "long limit": wait("500"),
    "internal": error("internal_error"),
    "stored, 500": Answer(act=True, status=500, body=""),
    "stored, lost": Answer(act=True, hang_up=True),
    "lost": Answer(hang_up=True),
    "page": Answer(body="<html>"),
    "nonsense": Answer(body={"ok": True, "ts": 5, "channel": [], "file": 1, "upload_url": 2}),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("method", [POST, BEGIN, BYTES, COMPLETE, INFO])
def test_whatever_slack_does_each_parcel_is_settled_once_and_posted_once(
    method: str, n: int, fault: str
) -> None:
    def script(called: str, _payload: Mapping[str, Any], number: int) -> Answer | None:
        return FAULTS[fault] if (called, number) == (method, n) else None

    given = [GROWTH, OPS, envelope("#alerts", posts=DIGEST)]
    with SlackSandbox(script=script) as sandbox:
        results = sent(channel(sandbox), *given)
    for one, result in zip(given, results, strict=True):
        keys = [(post.metadata or {})["event_payload"] for post in sandbox.posts]
        headlines = keys.count({"key": one.key.digest, "part": 0})
        allowed = {SENT: {1}, LATER: {0}, FAILED: {0}, UNCERTAIN: {0, 1}}
        nonsense = fault == "nonsense"  # says that it posted, and did not
        assert headlines in allowed[result.state] or (nonsense and result.state is SENT)
