"""After a crash or a lost answer: whether what follows an earlier message is where it belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import DeliveryState, Sighting, SlackMessage
from digest.core.steps import Step
from digest.sandbox.slack import Answer, SlackSandbox
from digest.sandbox.slack_scopes import ALL_SCOPES
from tests.support.deliveries import details, headline, section, slack
from tests.support.following import FIRING, after, fired, repeats, resolves, texts
from tests.support.slacking import (
    HISTORY,
    LIST,
    REPLIES,
    SlackPassage,
    answers,
    channel,
    count,
    error,
    heard,
    look,
    payloads,
    posts,
    sent,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.core.content import Envelope
    from tests.support.passages import Result

GROWTH = "C0123456789"
FOUND, ABSENT, UNKNOWN = Sighting.FOUND, Sighting.ABSENT, Sighting.UNKNOWN
SENT, UNCERTAIN = DeliveryState.SENT, DeliveryState.UNCERTAIN
LOST = Answer(act=True, hang_up=True)
PLAIN = SlackMessage(text="apart", blocks=(section("apart"),))
NO_HISTORY = [scope for scope in ALL_SCOPES if not scope.endswith(":history")]


class KilledError(BaseException):
    """The process is gone."""


def killed_at(sandbox: SlackSandbox, given: Envelope, step: Step) -> None:
    """Deliver, and be killed at this step."""

    def kill(reached: Step) -> None:
        if reached is step:
            raise KilledError

    made = channel(sandbox)
    with heard(kill), pytest.raises(KilledError):
        made.deliver(SlackPassage(made, given))


@pytest.mark.parametrize("step", [Step.SLACK_UPLOADED, Step.SLACK_ARMED])
@pytest.mark.parametrize("follower", [resolves, repeats])
def test_what_a_killed_process_had_not_sent_is_absent_and_sent_once(
    follower: Callable[[Result], Envelope], step: Step
) -> None:
    with SlackSandbox() as sandbox:
        given = follower(fired(sandbox))
        killed_at(sandbox, given, step)
        absent = look(sandbox, given, place=GROWTH)
        assert (absent.sighting, absent.reference) == (ABSENT, None)
        assert texts(sandbox) == [("firing", False)]
        (result,) = sent(channel(sandbox), given)
    assert result.state is SENT
    wanted = [("resolved", False), ("worst", True)]
    again = [("firing", False), ("still", True), ("more", True)]
    assert texts(sandbox) == (wanted if follower is resolves else again)


@pytest.mark.parametrize("step", [Step.SLACK_POSTED, Step.SLACK_REPLIED])
def test_a_change_that_a_killed_process_made_is_found_and_its_thread_completed(step: Step) -> None:
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        killed_at(sandbox, resolves(told), step)
        assert texts(sandbox) == [("resolved", False)]
        found = look(sandbox, resolves(told))
        (asked,) = payloads(sandbox, HISTORY)
    assert (found.sighting, found.reference, found.place) == (FOUND, told.reference, GROWTH)
    assert found.remarks == ()
    assert texts(sandbox) == [("resolved", False), ("worst", True)]
    assert asked["oldest"] == asked["latest"] == told.reference
    assert (asked["inclusive"], asked["include_all_metadata"]) == ("1", "1")


@pytest.mark.parametrize("step", [Step.SLACK_POSTED, Step.SLACK_REPLIED])
def test_a_reply_that_a_killed_process_posted_is_found_and_the_rest_added(step: Step) -> None:
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        killed_at(sandbox, repeats(told), step)
        found = look(sandbox, repeats(told))
    first, reply, more = sandbox.posts
    assert (found.sighting, found.reference, found.place) == (FOUND, reply.ts, GROWTH)
    assert [post.text for post in (reply, more)] == ["still", "more"]
    assert reply.thread_ts == more.thread_ts == first.ts


def test_a_second_look_adds_nothing() -> None:
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        for given in (repeats(told), resolves(told, reference=told.reference)):
            sent(channel(sandbox), given)
            before = texts(sandbox)
            assert look(sandbox, given).sighting is FOUND
            assert texts(sandbox) == before


def test_another_message_in_the_same_place_is_not_this_one() -> None:
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        sent(channel(sandbox), repeats(told))
        other = after(repeats(told), told, slack(headline("other")), edits=False)
        assert look(sandbox, other, place=GROWTH).sighting is ABSENT
        change = after(repeats(told), told, slack(headline("other")), edits=True)
        assert look(sandbox, change, place=GROWTH).sighting is ABSENT


@pytest.mark.parametrize("edits", [True, False])
def test_the_new_message_that_was_posted_instead_is_found(*, edits: bool) -> None:
    gone = error("message_not_found")
    script = (
        answers(chat__update=[gone], chat__postMessage=[None, LOST])
        if edits
        else posts(None, gone, LOST)
    )
    with SlackSandbox(script=script) as sandbox:
        told = fired(sandbox)
        given = after(FIRING, told, slack(headline("up"), details("one")), edits=edits)
        (result,) = sent(channel(sandbox), given)
        assert result.state is UNCERTAIN
        found = look(sandbox, given, place=GROWTH)
    _, new, reply = sandbox.posts
    assert (found.sighting, found.reference, found.remarks) == (FOUND, new.ts, ())
    assert (new.thread_ts, reply.thread_ts) == (None, new.ts)


@pytest.mark.parametrize("code", ["thread_not_found", "message_not_found"])
def test_a_thread_that_is_gone_has_nothing_in_it(code: str) -> None:
    script = answers(conversations__replies=[error(code)])
    with SlackSandbox(script=script) as sandbox:
        told = fired(sandbox)
        assert look(sandbox, repeats(told), place=GROWTH).sighting is ABSENT


@pytest.mark.parametrize(
    "answer",
    [
        error("missing_scope", needed="channels:history"),
        error("not_allowed_token_type"),
        error("channel_not_found"),
        error("internal_error"),
        Answer(status=500, body=""),
        Answer(hang_up=True),
        Answer(body={"ok": True, "messages": "?"}),
        wait("900"),
    ],
)
@pytest.mark.parametrize("follower", [resolves, repeats])
def test_where_the_place_cannot_be_read_it_is_unknown_and_nothing_is_posted(
    follower: Callable[[Result], Envelope], answer: Answer
) -> None:
    script = answers(conversations__history=[answer], conversations__replies=[answer])
    with SlackSandbox(script=script) as sandbox:
        given = follower(fired(sandbox))
        unknown = look(sandbox, given, place=GROWTH)
        assert count(sandbox, HISTORY) + count(sandbox, REPLIES) == 1
    assert unknown.sighting is UNKNOWN
    assert unknown.detail.startswith("#growth can't be looked into: ")
    assert texts(sandbox) == [("firing", False)]


@pytest.mark.parametrize("follower", [resolves, repeats])
def test_a_bot_that_may_read_nothing_knows_nothing(
    follower: Callable[[Result], Envelope],
) -> None:
    with SlackSandbox(scopes=NO_HISTORY) as sandbox:
        given = follower(fired(sandbox))
        sent(channel(sandbox), given)
        unknown = look(sandbox, given)
    assert unknown.sighting is UNKNOWN
    assert "missing_scope (scope channels:history)" in unknown.detail


def test_the_earlier_messages_own_place_is_looked_at_so_no_name_has_to_be_found() -> None:
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        for given in (repeats(told), resolves(told)):
            sent(channel(sandbox), given)
            assert look(sandbox, given, place=None).sighting is FOUND
        assert count(sandbox, LIST) == 0


@pytest.mark.parametrize("head", [b"?", b'{"channel":"#growth","ts":"1.1","edits":true}'])
def test_a_head_that_cannot_be_read_leaves_it_unknown(head: bytes) -> None:
    with SlackSandbox() as sandbox:
        unknown = look(sandbox, FIRING, head=head)
    assert unknown.sighting is UNKNOWN
    assert unknown.detail == (
        "#growth can't be looked into: what the stored message follows can't be read"
    )
    assert sandbox.calls == []


def test_a_part_beside_a_changed_message_is_looked_for_in_the_channel() -> None:
    given = slack(headline("resolved"), PLAIN, details("worst"))
    with SlackSandbox(script=posts(None, None, error("is_archived"))) as sandbox:
        told = fired(sandbox)
        changed = after(FIRING, told, given, edits=True)
        sent(channel(sandbox), changed)
        assert texts(sandbox) == [("resolved", False), ("apart", False)]
        found = look(sandbox, changed)
    assert (found.sighting, found.remarks) == (FOUND, ())
    assert texts(sandbox) == [("resolved", False), ("apart", False), ("worst", True)]


def test_when_the_channel_cannot_be_read_a_part_beside_a_changed_message_is_a_remark() -> None:
    given = slack(headline("resolved"), PLAIN)
    script: Any = answers(conversations__history=[None, error("internal_error")])
    with SlackSandbox(script=script) as sandbox:
        told = fired(sandbox)
        changed = after(FIRING, told, given, edits=True)
        sent(channel(sandbox), changed)
        found = look(sandbox, changed)
    assert (found.sighting, found.reference) == (FOUND, told.reference)
    assert found.remarks == ("part 2 may be missing: not all of the channel could be read",)
    assert texts(sandbox) == [("resolved", False), ("apart", False)]


def test_an_unreadable_document_is_found_all_the_same() -> None:
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        for given in (repeats(told), resolves(told)):
            sent(channel(sandbox), given)
            found = look(sandbox, given, document=b"?")
            assert found.sighting is FOUND
            assert found.remarks == (
                "its replies may be incomplete: the stored message can't be read",
            )
