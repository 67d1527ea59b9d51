"""Looking for a post whose answer got lost: found by its key, its thread is made complete."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import DeliveryState, Sighting, SlackMessage
from digest.core.steps import Step
from digest.sandbox.slack import Answer, SlackSandbox
from tests.support.deliveries import chart, details, envelope, headline, picture, section, slack
from tests.support.slacking import (
    BYTES,
    POST,
    REPLIES,
    SlackPassage,
    answers,
    channel,
    count,
    error,
    heard,
    look,
    posts,
    sent,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

UNCERTAIN = DeliveryState.UNCERTAIN
GROWTH = "C0123456789"
DIGEST = slack(
    headline("up", chart()),
    details("one"),
    details("two", chart("bounce")),
    pictures=(picture(), picture("bounce")),
)
GIVEN = envelope("#growth", posts=DIGEST)
ALL = ["up", "one", "two"]


class KilledError(BaseException):
    """The process is gone."""


def texts(sandbox: SlackSandbox) -> list[str]:
    return [post.text for post in sandbox.posts]


def killed_at(sandbox: SlackSandbox, step: Step) -> None:
    """Deliver, and be killed at this step."""

    def kill(reached: Step) -> None:
        if reached is step:
            raise KilledError

    made = channel(sandbox)
    with heard(kill), pytest.raises(KilledError):
        made.deliver(SlackPassage(made, GIVEN))


LOST = [
    pytest.param(Answer(act=True, hang_up=True), id="connection lost"),
    pytest.param(Answer(act=True, status=500, body="oops"), id="500"),
    pytest.param(Answer(act=True, body={"ok": False, "error": "internal_error"}), id="internal"),
    pytest.param(Answer(act=True, body={"ok": False, "error": "fatal_error"}), id="fatal"),
    pytest.param(Answer(act=True, body="<html>please log in</html>"), id="a proxy's page"),
    pytest.param(Answer(act=True, body=""), id="empty"),
]


@pytest.mark.parametrize("answer", LOST)
def test_a_post_whose_answer_got_lost_is_found_and_stays_the_only_one(answer: Answer) -> None:
    with SlackSandbox(script=posts(answer)) as sandbox:
        (result,) = sent(channel(sandbox), GIVEN)
        assert (result.state, texts(sandbox)) == (UNCERTAIN, ["up"])
        found = look(sandbox, GIVEN)
    first, *replies = sandbox.posts
    assert found.sighting is Sighting.FOUND
    assert (found.reference, found.place, found.remarks) == (first.ts, GROWTH, ())
    assert texts(sandbox) == ALL
    assert {post.thread_ts for post in replies} == {first.ts}
    parts = [(post.metadata or {})["event_payload"]["part"] for post in sandbox.posts]
    assert parts == [0, 1, 2]


def test_a_post_whose_answer_came_too_late_is_found() -> None:
    def late(method: str, _payload: Mapping[str, Any], n: int) -> None:
        if (method, n) == (POST, 1):
            time.sleep(0.6)

    with SlackSandbox(script=late) as sandbox:
        (result,) = sent(channel(sandbox, timeout=0.2), GIVEN)
        assert result.state is UNCERTAIN
        time.sleep(0.6)
        assert look(sandbox, GIVEN).sighting is Sighting.FOUND
    assert texts(sandbox) == ALL


@pytest.mark.parametrize(
    "answer", [Answer(hang_up=True), Answer(status=502, body="<html>"), error("internal_error")]
)
def test_a_post_that_never_got_there_is_absent_and_nothing_is_posted(answer: Answer) -> None:
    with SlackSandbox(script=posts(answer)) as sandbox:
        (result,) = sent(channel(sandbox), GIVEN)
        assert result.state is UNCERTAIN
        absent = look(sandbox, GIVEN)
    assert (absent.sighting, absent.lasting, absent.reference) == (Sighting.ABSENT, False, None)
    assert sandbox.posts == []


@pytest.mark.parametrize("step", [Step.SLACK_POSTED, Step.SLACK_REPLIED])
def test_what_a_killed_process_has_posted_is_found_and_completed(step: Step) -> None:
    with SlackSandbox() as sandbox:
        killed_at(sandbox, step)
        assert texts(sandbox) == ["up"]
        assert look(sandbox, GIVEN).sighting is Sighting.FOUND
    assert texts(sandbox) == ALL


@pytest.mark.parametrize("step", [Step.SLACK_UPLOADED, Step.SLACK_ARMED])
def test_what_a_killed_process_has_not_posted_is_absent(step: Step) -> None:
    with SlackSandbox() as sandbox:
        killed_at(sandbox, step)
        assert look(sandbox, GIVEN).sighting is Sighting.ABSENT
    assert sandbox.posts == []


def test_a_second_look_posts_nothing_more() -> None:
    with SlackSandbox() as sandbox:
        sent(channel(sandbox), GIVEN)
        assert look(sandbox, GIVEN).sighting is Sighting.FOUND
        assert look(sandbox, GIVEN).sighting is Sighting.FOUND
    assert texts(sandbox) == ALL


def test_only_the_parts_that_are_missing_are_posted_with_their_own_charts() -> None:
    with SlackSandbox(script=posts(None, error("is_archived"), error("is_archived"))) as sandbox:
        sent(channel(sandbox), GIVEN)
        assert texts(sandbox) == ["up"]
        uploads = count(sandbox, BYTES)
        look(sandbox, GIVEN)
    assert texts(sandbox) == ALL
    assert count(sandbox, BYTES) == uploads + 1
    assert sandbox.posts[2].blocks[1]["slack_file"]["id"] == list(sandbox.files)[-1]


def test_a_gap_in_the_thread_is_closed() -> None:
    with SlackSandbox(script=posts(None, error("is_archived"))) as sandbox:
        sent(channel(sandbox), GIVEN)
        assert texts(sandbox) == ["up", "two"]
        assert look(sandbox, GIVEN).remarks == ()
    assert texts(sandbox) == ["up", "two", "one"]


def test_a_part_that_is_no_reply_is_looked_for_in_the_channel() -> None:
    plain = SlackMessage(text="apart", blocks=(section("apart"),))
    given = envelope("#growth", posts=slack(headline("up"), plain, details("one")))
    with SlackSandbox(script=posts(None, None, error("is_archived"))) as sandbox:
        sent(channel(sandbox), given)
        assert texts(sandbox) == ["up", "apart"]
        look(sandbox, given)
    assert texts(sandbox) == ["up", "apart", "one"]


def test_what_cannot_be_added_to_the_thread_is_a_remark() -> None:
    lost = Answer(act=True, hang_up=True)
    script = posts(lost, error("is_archived"), Answer(hang_up=True))
    with SlackSandbox(script=script) as sandbox:
        sent(channel(sandbox), GIVEN)
        found = look(sandbox, GIVEN)
    assert found.sighting is Sighting.FOUND
    first, second = found.remarks
    assert first.startswith("part 2 left out: Slack refused: is_archived; ")
    assert second.startswith("part 3 may be missing: ")


@pytest.mark.parametrize("answer", [error("internal_error"), Answer(hang_up=True), wait("900")])
def test_a_thread_that_cannot_be_read_is_left_as_it_is(answer: Answer) -> None:
    script = answers(
        chat__postMessage=[Answer(act=True, hang_up=True)], conversations__replies=[answer]
    )
    with SlackSandbox(script=script) as sandbox:
        sent(channel(sandbox), GIVEN)
        found = look(sandbox, GIVEN)
    assert found.sighting is Sighting.FOUND
    (remark,) = found.remarks
    assert remark.startswith("its replies may be incomplete: ")
    assert texts(sandbox) == ["up"]


def test_a_chart_that_cannot_be_uploaded_again_is_a_remark() -> None:
    script = answers(
        chat__postMessage=[Answer(act=True, hang_up=True)],
        upload=[None, None, Answer(status=500)],
    )
    with SlackSandbox(script=script) as sandbox:
        sent(channel(sandbox), GIVEN)
        found = look(sandbox, GIVEN)
    (remark,) = found.remarks
    assert remark.startswith('chart "bounce" left out: ')
    assert texts(sandbox) == ALL


def test_the_small_form_is_completed_without_charts() -> None:
    with SlackSandbox(script=posts(Answer(act=True, hang_up=True))) as sandbox:
        sent(channel(sandbox), GIVEN, small=True)
        found = look(sandbox, GIVEN, small=True)
    assert found.remarks == ('chart "bounce" left out: the message was to be small',)
    assert sandbox.files == {}


def test_an_unreadable_document_is_found_all_the_same_and_its_thread_left_alone() -> None:
    with SlackSandbox(script=posts(Answer(act=True, hang_up=True))) as sandbox:
        sent(channel(sandbox), GIVEN)
        found = look(sandbox, GIVEN, document=b"?")
    assert found.sighting is Sighting.FOUND
    assert found.remarks == ("its replies may be incomplete: the stored message can't be read",)


def test_a_message_without_replies_needs_no_look_at_its_thread() -> None:
    alone = envelope("#growth", posts=slack(headline("up")))
    with SlackSandbox() as sandbox:
        sent(channel(sandbox), alone)
        found = look(sandbox, alone)
    assert (found.sighting, found.remarks) == (Sighting.FOUND, ())
    assert count(sandbox, REPLIES) == 0
