"""The Slack channel against a workspace that refuses what Slack refuses."""

from __future__ import annotations

import json

import pytest

from digest.core.content import DeliveryState
from digest.errors import DeliveryError
from digest.sandbox.slack import Answer, SlackSandbox
from tests.support.deliveries import (
    Clock,
    chart,
    details,
    envelope,
    headline,
    picture,
    png,
    section,
    slack,
)
from tests.support.slacking import (
    BEGIN,
    BYTES,
    COMPLETE,
    INFO,
    POST,
    answers,
    channel,
    error,
    sent,
)

SENT, FAILED = DeliveryState.SENT, DeliveryState.FAILED
GROWTH = "C0123456789"
DIGEST = slack(headline("1,234 sessions", chart()), details("By country"), pictures=(picture(),))


def methods(sandbox: SlackSandbox) -> list[str]:
    return [call.method for call in sandbox.calls]


def test_a_digest_is_a_headline_with_its_details_as_replies() -> None:
    given = envelope("#growth", posts=slack(headline("up"), details("one"), details("two")))
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox), given)
    first, *replies = sandbox.posts
    assert (result.state, result.reference, result.place) == (SENT, first.ts, GROWTH)
    assert [post.text for post in sandbox.posts] == ["up", "one", "two"]
    assert {post.channel for post in sandbox.posts} == {GROWTH}
    assert first.thread_ts is None
    assert {post.thread_ts for post in replies} == {first.ts}


def test_each_post_carries_the_key_of_its_delivery_and_shows_no_link_previews() -> None:
    given = envelope("#growth", posts=slack(headline(), details()))
    with SlackSandbox() as sandbox:
        sent(channel(sandbox), given)
    for part, post in enumerate(sandbox.posts):
        assert post.metadata == {
            "event_type": "digest_delivery",
            "event_payload": {"key": given.key.digest, "part": part},
        }
        assert post.payload["unfurl_links"] is False
        assert post.payload["unfurl_media"] is False


@pytest.mark.parametrize("name", ["#growth", "growth", GROWTH])
def test_names_and_ids_are_used_as_they_are_without_listing_channels(name: str) -> None:
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox), envelope(name))
    assert result.state is SENT
    assert methods(sandbox) == [POST]


@pytest.mark.parametrize("name", ["", "#", "two words", "a\nb", "<!channel>", "x" * 100])
def test_what_cannot_be_a_channel_is_refused_without_a_call(name: str) -> None:
    with SlackSandbox() as sandbox:
        results = sent(channel(sandbox), envelope(name), envelope("#growth"))
    assert [result.state for result in results] == [FAILED, SENT]
    assert "is not a Slack channel" in results[0].detail
    assert "\n" not in results[0].detail


def test_a_chart_is_uploaded_without_a_channel_and_then_shown_in_the_message() -> None:
    with SlackSandbox(process_after=1) as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=DIGEST))
    ((file_id, file),) = sandbox.files.items()
    assert (result.state, result.remarks) == (SENT, ())
    assert methods(sandbox) == [BEGIN, BYTES, COMPLETE, INFO, INFO, POST, POST]
    assert (file.data, file.name, file.alt) == (png(), "sessions.png", "sessions went up")
    assert file.channels == ()
    assert sandbox.posts[0].blocks[1] == {
        "type": "image",
        "alt_text": "sessions went up",
        "slack_file": {"id": file_id},
    }


def test_a_chart_that_several_channels_get_is_uploaded_once() -> None:
    with SlackSandbox() as sandbox:
        results = sent(
            channel(sandbox), envelope("#growth", posts=DIGEST), envelope("#ops", posts=DIGEST)
        )
    assert [result.state for result in results] == [SENT, SENT]
    assert methods(sandbox).count(BYTES) == 1
    shown = {json.dumps(post.blocks[1]) for post in sandbox.posts if not post.thread_ts}
    assert len(shown) == 1


def test_pictures_that_no_message_shows_are_not_uploaded() -> None:
    content = slack(headline(), pictures=(picture(),))
    with SlackSandbox() as sandbox:
        sent(channel(sandbox), envelope("#growth", posts=content))
    assert methods(sandbox) == [POST]


def test_a_chart_that_was_not_drawn_is_left_out() -> None:
    content = slack(headline("up", chart("bounce-rate")))
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=content))
    assert result.remarks == ('chart "bounce-rate" left out: it was not drawn',)
    assert sandbox.posts[0].blocks == [section("up")]


def test_we_wait_for_a_file_with_growing_pauses() -> None:
    clock = Clock()
    with SlackSandbox(process_after=4) as sandbox:
        (result,) = sent(channel(sandbox, clock), envelope("#growth", posts=DIGEST))
    assert result.remarks == ()
    assert clock.waits[:4] == [0.5, 1.0, 2.0, 4.0]


def test_a_file_that_never_gets_ready_is_left_out_after_30_seconds() -> None:
    clock = Clock()
    with SlackSandbox(process_after=10_000) as sandbox:
        (result,) = sent(channel(sandbox, clock), envelope("#growth", posts=DIGEST))
    assert result.state is SENT
    assert result.remarks == ('chart "sessions" left out: Slack did not have it ready within 30 s',)
    assert sandbox.posts[0].blocks == [section("1,234 sessions")]
    assert sum(clock.waits) == pytest.approx(30 + 1)  # the wait for the file, and between posts


def test_between_two_posts_to_a_channel_a_second_passes() -> None:
    clock = Clock()
    given = (
        envelope("#growth", posts=slack(headline(), details(), details())),
        envelope("#ops"),
        envelope("#growth", generation=1),
    )
    with SlackSandbox() as sandbox:
        made = channel(sandbox, clock)
        sent(made, *given)
        sent(made, envelope("#growth"))
    assert clock.waits == [1.0, 1.0, 1.0, 1.0]


def test_after_more_than_a_second_nothing_is_waited_for() -> None:
    clock = Clock()
    with SlackSandbox() as sandbox:
        made = channel(sandbox, clock)
        sent(made, envelope("#growth"))
        clock.now += 5
        sent(made, envelope("#growth"))
    assert clock.waits == []


def test_a_test_message_says_so_in_text_and_blocks() -> None:
    given = envelope("#growth", test=True, posts=slack(headline("up"), details("more")))
    with SlackSandbox() as sandbox:
        sent(channel(sandbox), given)
    first, second = sandbox.posts
    assert first.text == "[test] up"
    assert first.blocks[0]["elements"][0]["text"] == "[test] This is only a test."
    assert first.blocks[1] == section("up")
    assert second.text == "more"


def test_a_message_without_blocks_is_plain_text() -> None:
    bare = slack(headline("up"))
    bare = slack(*(type(m)(text=m.text, blocks=()) for m in bare.messages))
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=bare))
    assert result.state is SENT
    assert "blocks" not in sandbox.posts[0].payload


def test_nothing_to_post_is_a_failure_and_not_a_silence() -> None:
    empty = type(DIGEST)(messages=())
    with SlackSandbox() as sandbox:
        (result,) = sent(channel(sandbox), envelope("#growth", posts=empty))
    assert (result.state, result.detail) == (FAILED, "there is nothing to post")


def test_a_probe_names_the_bot_and_posts_nothing() -> None:
    with SlackSandbox() as sandbox:
        sentence = channel(sandbox).probe()
    assert sentence.startswith("Slack knows the bot ")
    assert methods(sandbox) == ["auth.test"]


def test_a_probe_with_a_wrong_token_says_so() -> None:
    with (
        SlackSandbox() as sandbox,
        pytest.raises(DeliveryError, match="invalid_auth; the token is wrong") as caught,
    ):
        channel(sandbox, token="xoxb-wrong-1").probe()
    assert "xoxb-wrong-1" not in str(caught.value)


NO_LOOK = "without the scope channels:history a message whose answer got lost can't be looked up"
NO_NAME = "without the scope channels:read a channel can't be looked into by its name"


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        pytest.param(None, [], id="all"),
        pytest.param(["chat:write", "files:write", "groups:history", "groups:read"], [], id="some"),
        pytest.param(
            ["chat:write", "channels:history", "channels:read"],
            ["without the scope files:write there are no charts"],
            id="no files",
        ),
        pytest.param(["chat:write", "files:write", "channels:read"], [NO_LOOK], id="no history"),
        pytest.param(["chat:write", "files:write", "channels:history"], [NO_NAME], id="no names"),
        pytest.param(["chat:write", "files:write"], [NO_LOOK, NO_NAME], id="neither"),
    ],
)
def test_a_probe_says_what_does_not_work_without_a_scope(
    scopes: list[str] | None, said: list[str]
) -> None:
    with SlackSandbox(scopes=scopes) as sandbox:
        sentence = channel(sandbox).probe()
    known = 'Slack knows the bot "digest" of the workspace "Sandbox"'
    assert sentence == "; ".join([known, *said])


def test_a_probe_of_a_slack_that_tells_no_scopes_is_content() -> None:
    told = Answer(body={"ok": True, "user": "digest", "team": "Acme"})
    with SlackSandbox(script=answers(auth__test=[told])) as sandbox:
        assert channel(sandbox).probe() == 'Slack knows the bot "digest" of the workspace "Acme"'


def test_a_probe_without_the_scope_to_post_fails() -> None:
    with (
        SlackSandbox(scopes=["files:write"]) as sandbox,
        pytest.raises(DeliveryError, match="lacks the scope chat:write"),
    ):
        channel(sandbox).probe()


@pytest.mark.parametrize("token", ["xoxb-1\nX-Evil: 1", "xoxb 1", "xoxb-ü"])
def test_a_token_that_could_not_stand_in_a_header_is_refused_without_being_shown(
    token: str,
) -> None:
    with SlackSandbox() as sandbox, pytest.raises(DeliveryError, match="copy it again") as caught:
        channel(sandbox, token=token)
    assert token not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_first_reply_that_fails_does_not_stop_the_second() -> None:
    given = envelope("#growth", posts=slack(headline("up"), details("one"), details("two")))
    script = answers(chat__postMessage=[None, error("msg_too_long")])
    with SlackSandbox(script=script) as sandbox:
        (result,) = sent(channel(sandbox), given)
    assert result.state is SENT
    assert [post.text for post in sandbox.posts] == ["up", "two"]
    (remark,) = result.remarks
    assert remark.startswith("part 2 left out: Slack refused: msg_too_long; ")
