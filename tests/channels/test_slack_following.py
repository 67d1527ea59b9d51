"""A message that belongs to an earlier one: it takes its place, or goes into its thread."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from digest.core.content import DeliveryState, Follows, SlackMessage
from digest.sandbox.slack import Answer, SlackSandbox
from tests.support.deliveries import (
    details,
    envelope,
    headline,
    section,
    slack,
)
from tests.support.following import FIRING, RESOLVED, after, fired, repeats, resolves, texts
from tests.support.slacking import (
    POST,
    UPDATE,
    answers,
    channel,
    count,
    error,
    payloads,
    posts,
    sent,
    updates,
)

SENT, LATER = DeliveryState.SENT, DeliveryState.RETRY_WAIT
FAILED, UNCERTAIN = DeliveryState.FAILED, DeliveryState.UNCERTAIN
GROWTH, OPS = "C0123456789", "C0000000003"


def test_the_earlier_message_is_changed_and_details_go_under_it() -> None:
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        (result,) = sent(channel(sandbox), resolves(told))
    assert (result.state, result.remarks) == (SENT, ())
    assert (result.reference, result.place) == (told.reference, GROWTH)
    first, reply = sandbox.posts
    assert (first.ts, first.text, first.thread_ts) == (told.reference, "resolved", None)
    assert first.edited is not None
    assert (reply.text, reply.thread_ts) == ("worst", first.ts)
    shown = first.blocks[1]["slack_file"]["id"]
    assert sandbox.files[shown].name == "bounce.png"
    marks = [(post.metadata or {})["event_payload"] for post in sandbox.posts]
    key = resolves(told).key.digest
    assert marks == [{"key": key, "part": 0}, {"key": key, "part": 1}]


def test_a_message_without_blocks_leaves_none_of_the_old_ones() -> None:
    bare = slack(SlackMessage(text="resolved", blocks=()))
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        sent(channel(sandbox), after(FIRING, told, bare, edits=True))
        (asked,) = payloads(sandbox, UPDATE)
    assert asked["blocks"] == []
    assert sandbox.posts[0].blocks == []


def test_a_message_goes_into_the_thread_of_the_earlier_one_with_all_that_comes_after_it() -> None:
    plain = SlackMessage(text="apart", blocks=(section("apart"),))
    given = slack(headline("still"), plain, details("more"))
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        (result,) = sent(channel(sandbox), after(FIRING, told, given, edits=False))
    first, *replies = sandbox.posts
    assert (result.state, result.remarks) == (SENT, ())
    assert (result.reference, result.place) == (replies[0].ts, GROWTH)
    assert (first.text, first.edited) == ("firing", None)
    assert [post.text for post in replies] == ["still", "apart", "more"]
    assert {post.thread_ts for post in replies} == {told.reference}
    assert count(sandbox, UPDATE) == 0


UNKNOWN_PLACES = [
    pytest.param({"reference": None}, id="no timestamp"),
    pytest.param({"place": None}, id="no channel"),
    pytest.param({"reference": "<a@b.c>"}, id="a Message-ID"),
    pytest.param({"reference": "1795500000"}, id="half a timestamp"),
    pytest.param({"reference": "1795500000.000100\n"}, id="a line's end"),
    pytest.param({"reference": "١.١"}, id="other digits"),
    pytest.param({"reference": '1.1","x":"'}, id="JSON"),
    pytest.param({"place": "#growth"}, id="a name"),
    pytest.param({"place": "U0123456789"}, id="a person"),
    pytest.param({"place": "C0123456789?x=1"}, id="more than a channel"),
    pytest.param({"place": "C" + "0" * 5000}, id="too long"),
]


@pytest.mark.parametrize("edits", [True, False])
@pytest.mark.parametrize("changes", UNKNOWN_PLACES)
def test_where_the_earlier_message_is_not_known_a_new_one_is_posted(
    *, changes: dict[str, Any], edits: bool
) -> None:
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        given = after(FIRING, told, RESOLVED, edits=edits, **changes)
        assert channel(sandbox).freeze(given).head == b""
        (result,) = sent(channel(sandbox), given)
    assert (result.state, result.remarks) == (SENT, ())
    assert texts(sandbox) == [("firing", False), ("resolved", False), ("worst", True)]


def test_each_reader_has_a_head_of_his_own_and_all_share_the_document() -> None:
    given = slack(headline("resolved"))
    envelopes = [
        replace(
            envelope(place, posts=given),
            follows=Follows(key=FIRING.key, reference="1.1", place=place, edits=True),
        )
        for place in (GROWTH, OPS)
    ]
    with SlackSandbox() as sandbox:
        made = channel(sandbox)
        one, other = [made.freeze(envelope) for envelope in envelopes]
        plain = made.freeze(envelope(GROWTH, posts=given))
    assert one.head == b'{"channel":"C0123456789","ts":"1.1","edits":true}'
    assert one.head != other.head
    assert one.document is other.document is plain.document
    assert plain.head == b""


ODD_HEADS = [
    b"?",
    b"null",
    b"[]",
    b"{}",
    b'"x"',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"channel":"C0123456789","ts":"1.1"}',
    b'{"channel":"C0123456789","ts":"1.1","edits":1}',
    b'{"channel":"C0123456789","ts":1.1,"edits":true}',
    b'{"channel":"#growth","ts":"1.1","edits":true}',
    b'{"channel":"C0123456789","ts":"1.1","edits":true,"broadcast":true}',
]


@pytest.mark.parametrize("head", ODD_HEADS, ids=lambda head: repr(head[:48]))
def test_a_head_that_cannot_be_read_is_refused_in_words_and_nothing_is_posted(
    head: bytes,
) -> None:
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox), FIRING, changes={"head": head})
    assert (result.state, result.fault) == (FAILED, False)
    assert result.detail == "#growth: what the stored message follows can't be read"
    assert sandbox.calls == []


GONE = [
    "message_not_found",
    "cant_update_message",
    "edit_window_closed",
    "update_failed",
    "block_mismatch",
    "channel_not_found",
    "a_word_of_next_year",
]


@pytest.mark.parametrize("code", GONE)
def test_when_slack_refuses_the_change_a_new_message_is_posted_and_says_so(code: str) -> None:
    with SlackSandbox(script=updates(error(code))) as sandbox:
        told = fired(sandbox)
        (result,) = sent(channel(sandbox), resolves(told))
    assert result.state is SENT
    assert result.remarks == (
        f"posted as a new message: the earlier one can't be changed (Slack: {code})",
    )
    old, new, reply = sandbox.posts
    assert (old.text, old.edited, new.text, new.thread_ts) == ("firing", None, "resolved", None)
    assert (result.reference, reply.thread_ts) == (new.ts, new.ts)
    assert new.blocks[1]["slack_file"]["id"] in sandbox.files


@pytest.mark.parametrize(
    "code", ["thread_not_found", "message_not_found", "cannot_reply_to_message", "restricted_x"]
)
def test_when_the_thread_is_gone_a_new_message_is_posted_and_says_so(code: str) -> None:
    with SlackSandbox(script=posts(None, error(code))) as sandbox:
        told = fired(sandbox)
        (result,) = sent(channel(sandbox), repeats(told))
    assert result.state is SENT
    assert result.remarks == (
        f"posted as a new message: the earlier one can't be replied to (Slack: {code})",
    )
    assert texts(sandbox) == [("firing", False), ("still", False), ("more", True)]
    assert sandbox.posts[2].thread_ts == sandbox.posts[1].ts


def test_a_message_that_the_sandbox_does_not_have_can_be_neither_changed_nor_replied_to() -> None:
    with SlackSandbox() as sandbox:
        told = fired(sandbox)
        gone = {"reference": "1.1"}
        changed, replied = resolves(told, **gone), repeats(told, **gone)
        (one,) = sent(channel(sandbox), changed)
        (other,) = sent(channel(sandbox), replied)
    assert [len(result.remarks) for result in (one, other)] == [1, 1]
    assert [text for text, threaded in texts(sandbox) if not threaded] == [
        *("firing", "resolved", "still"),
    ]


def test_the_message_of_somebody_else_is_left_alone() -> None:
    with SlackSandbox() as sandbox:
        theirs = sandbox.say(GROWTH, "lunch?")
        told = replace(fired(sandbox), reference=theirs.ts)
        (result,) = sent(channel(sandbox), resolves(told))
    assert result.remarks[0].endswith("(Slack: cant_update_message)")
    assert (sandbox.posts[0].text, sandbox.posts[0].edited) == ("lunch?", None)


@pytest.mark.parametrize("edits", [True, False])
def test_an_archived_channel_is_a_definite_no_after_one_try_to_post_anew(*, edits: bool) -> None:
    archived = error("is_archived")
    script = answers(
        chat__update=[error("is_inactive")], chat__postMessage=[None, archived, archived]
    )
    with SlackSandbox(script=script) as sandbox:
        told = fired(sandbox)
        (result,) = sent(channel(sandbox), after(FIRING, told, RESOLVED, edits=edits))
        calls = [call.method for call in sandbox.calls if call.method in {POST, UPDATE}]
    assert (result.state, result.fault, result.code) == (FAILED, False, "is_archived")
    assert "unarchive it" in result.detail
    assert calls == [POST, UPDATE if edits else POST, POST]
    assert texts(sandbox) == [("firing", False)]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        pytest.param(error("token_revoked"), FAILED, id="the bot"),
        pytest.param(error("missing_scope", needed="chat:write"), FAILED, id="a scope"),
        pytest.param(error("service_unavailable"), LATER, id="passing"),
        pytest.param(Answer(status=302, body=""), LATER, id="another server"),
    ],
)
@pytest.mark.parametrize("edits", [True, False])
def test_trouble_that_a_new_message_would_meet_too_is_not_worked_around(
    *, edits: bool, answer: Answer, state: DeliveryState
) -> None:
    script = answers(chat__update=[answer], chat__postMessage=[None, answer])
    with SlackSandbox(script=script) as sandbox:
        told = fired(sandbox)
        (result,) = sent(channel(sandbox), after(FIRING, told, RESOLVED, edits=edits))
    assert (result.state, result.remarks) == (state, ())
    assert texts(sandbox) == [("firing", False)]
