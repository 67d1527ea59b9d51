"""A change of an earlier message is made again after trouble, and keeps all promises of a post."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import DeliveryState
from digest.core.steps import Step
from digest.sandbox.slack import Answer, SlackSandbox
from tests.support.deliveries import (
    Clock,
    envelope,
    headline,
    slack,
)
from tests.support.following import FIRING, RESOLVED, after, fired, repeats, resolves, texts
from tests.support.slacking import (
    BEGIN,
    BYTES,
    COMPLETE,
    INFO,
    POST,
    UPDATE,
    SlackPassage,
    answers,
    channel,
    count,
    error,
    heard,
    posts,
    sent,
    updates,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


SENT, LATER = DeliveryState.SENT, DeliveryState.RETRY_WAIT
FAILED, UNCERTAIN = DeliveryState.FAILED, DeliveryState.UNCERTAIN
GROWTH, OPS = "C0123456789", "C0000000003"


UNCLEAR = [
    pytest.param(Answer(status=500, body="oops"), id="500"),
    pytest.param(Answer(act=True, status=503, body=""), id="done, 503"),
    pytest.param(Answer(hang_up=True), id="connection lost"),
    pytest.param(Answer(act=True, hang_up=True), id="done, connection lost"),
    pytest.param(error("internal_error"), id="internal"),
    pytest.param(error("fatal_error"), id="fatal"),
    pytest.param(Answer(act=True, body="<html>"), id="done, a proxy's page"),
]


@pytest.mark.parametrize("answer", UNCLEAR)
def test_a_change_whose_answer_got_lost_is_made_again_and_never_uncertain(answer: Answer) -> None:
    with SlackSandbox(script=updates(answer)) as sandbox:
        told = fired(sandbox)
        (first,) = sent(channel(sandbox), resolves(told))
        assert (first.state, first.fault, first.retry_after) == (LATER, False, None)
        assert first.detail.endswith(" (the message is changed again later, which does no harm)")
        (again,) = sent(channel(sandbox), resolves(told))
    assert (again.state, again.remarks, again.reference) == (SENT, (), told.reference)
    assert texts(sandbox) == [("resolved", False), ("worst", True)]


def test_a_change_whose_answer_came_too_late_is_made_again() -> None:
    def late(method: str, _payload: Mapping[str, Any], n: int) -> None:
        if (method, n) == (UPDATE, 1):
            time.sleep(0.3)

    with SlackSandbox(script=late) as sandbox:
        told = fired(sandbox)
        (result,) = sent(channel(sandbox, timeout=0.15), resolves(told))
        (again,) = sent(channel(sandbox), resolves(told))
    assert (result.state, again.state) == (LATER, SENT)
    assert texts(sandbox) == [("resolved", False), ("worst", True)]


def test_a_reply_whose_answer_got_lost_is_uncertain_as_any_post() -> None:
    with SlackSandbox(script=posts(None, Answer(act=True, hang_up=True))) as sandbox:
        told = fired(sandbox)
        (result,) = sent(channel(sandbox), repeats(told))
    assert result.state is UNCERTAIN
    assert texts(sandbox) == [("firing", False), ("still", True)]


def test_the_new_message_instead_of_a_change_is_uncertain_when_its_answer_got_lost() -> None:
    script = answers(
        chat__update=[error("message_not_found")], chat__postMessage=[None, Answer(hang_up=True)]
    )
    with SlackSandbox(script=script) as sandbox:
        (result,) = sent(channel(sandbox), resolves(fired(sandbox)))
    assert result.state is UNCERTAIN


def test_two_changes_without_a_clear_answer_put_off_the_rest() -> None:
    nothing = Answer(status=502, body="")
    with SlackSandbox(script=updates(nothing, nothing)) as sandbox:
        told = fired(sandbox)
        one, two = resolves(told), resolves(told)
        two = replace(two, key=replace(two.key, generation=7))
        results = sent(channel(sandbox), one, two, envelope("#ops"))
    assert [result.state for result in results] == [LATER, LATER, LATER]
    assert results[2].detail == "Slack gives no clear answers"
    assert texts(sandbox) == [("firing", False)]


def test_a_wait_that_slack_asks_for_is_waited_and_the_risk_recorded_anew() -> None:
    clock = Clock()
    with SlackSandbox(script=updates(wait("30"))) as sandbox:
        told = fired(sandbox)
        made = channel(sandbox, clock)
        passage = SlackPassage(made, resolves(told))
        made.deliver(passage)
    (result,) = passage.results()
    names = [name for name, _ in passage.calls]
    assert names == ["begin", "arm", "still_fresh", "arm", "still_fresh", "settle"]
    assert (result.state, 30.0 in clock.waits) == (SENT, True)
    assert texts(sandbox) == [("resolved", False), ("worst", True)]


def test_a_wait_that_is_too_long_puts_the_change_off() -> None:
    with SlackSandbox(script=updates(wait("900"))) as sandbox:
        (result,) = sent(channel(sandbox), resolves(fired(sandbox)))
    assert (result.state, result.fault, result.retry_after) == (LATER, True, 900.0)
    assert texts(sandbox) == [("firing", False)]


@pytest.mark.parametrize("edits", [True, False])
def test_blocks_that_slack_does_not_take_go_without_charts(*, edits: bool) -> None:
    bad = error("invalid_blocks", errors=["invalid slack file"])
    script = updates(bad) if edits else posts(None, bad)
    with SlackSandbox(script=script) as sandbox:
        told = fired(sandbox)
        (result,) = sent(channel(sandbox), after(FIRING, told, RESOLVED, edits=edits))
    assert (result.state, len(sandbox.posts)) == (SENT, 2 if edits else 3)
    assert result.remarks == ('chart "bounce" left out: Slack did not take it in the message',)
    changed = sandbox.posts[0 if edits else 1]
    assert [block["type"] for block in changed.blocks] == ["section"]


def test_blocks_that_are_refused_for_good_are_a_definite_no() -> None:
    bad = error("invalid_blocks")
    script = answers(chat__update=[bad, bad], chat__postMessage=[None, bad])
    with SlackSandbox(script=script) as sandbox:
        (result,) = sent(channel(sandbox), resolves(fired(sandbox)))
        assert (count(sandbox, UPDATE), count(sandbox, POST)) == (2, 2)
    assert (result.state, result.code) == (FAILED, "invalid_blocks")


def test_charts_go_up_first_then_the_risk_is_recorded_then_it_is_changed() -> None:
    events: list[str] = []

    def watch(method: str, _payload: Mapping[str, Any], _n: int) -> None:
        events.append(method)

    with SlackSandbox(script=watch) as sandbox:
        told = fired(sandbox)
        events.clear()
        with heard(events.append):
            made = channel(sandbox)
            made.deliver(SlackPassage(made, resolves(told), events=events))
    assert events == [
        *("begin", BEGIN, BYTES, COMPLETE, INFO, Step.SLACK_UPLOADED),
        *("arm", Step.SLACK_ARMED, "still_fresh", UPDATE),
        *(Step.SLACK_POSTED, Step.SLACK_REPLIED, POST, "settle"),
    ]


@pytest.mark.parametrize("rule", ["unbegun", "unarmed", "stale"])
def test_without_a_fresh_record_nothing_is_changed(rule: str) -> None:
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        (result,) = sent(channel(sandbox), resolves(told), **{rule: ["#growth"]})
        assert count(sandbox, UPDATE) == 0
    assert result.state is LATER
    assert texts(sandbox) == [("firing", False)]


def test_the_new_message_instead_comes_a_second_later_under_a_fresh_record() -> None:
    clock = Clock()
    at: dict[str, float] = {}

    def watch(method: str, _payload: Mapping[str, Any], _n: int) -> Answer | None:
        at[method] = clock.now
        return error("message_not_found") if method == UPDATE else None

    with SlackSandbox(script=watch) as sandbox:
        told = fired(sandbox)
        given = after(FIRING, told, slack(headline("resolved")), edits=True)
        made = channel(sandbox, clock)
        passage = SlackPassage(made, given)
        made.deliver(passage)
    assert at[POST] - at[UPDATE] == 1.0
    assert [name for name, _ in passage.calls].count("still_fresh") == 2
    assert passage.results()[0].state is SENT


def test_a_small_message_is_changed_without_its_charts() -> None:
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        uploads = count(sandbox, BYTES)
        (result,) = sent(channel(sandbox), resolves(told), small=True)
        assert count(sandbox, BYTES) == uploads
    assert result.remarks == ('chart "bounce" left out: the message was to be small',)
    assert sandbox.posts[0].text == "resolved"


def test_changing_needs_no_other_scope_than_posting() -> None:
    with SlackSandbox(scopes=["chat:write"]) as sandbox:
        told = fired(sandbox)
        (result,) = sent(channel(sandbox), resolves(told))
    assert (result.state, sandbox.posts[0].text) == (SENT, "resolved")
