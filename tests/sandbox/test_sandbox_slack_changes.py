"""Changing a message of the embedded Slack, and posting into threads, by the real client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from digest.sandbox.slack import PERSON, SlackSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

GROWTH, ALERTS = "C0123456789", "C0000000002"
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}}
OTHER = {"type": "section", "text": {"type": "mrkdwn", "text": "*bye*"}}
OLD = {"event_type": "digest", "event_payload": {"key": "old"}}
NEW = {"event_type": "digest", "event_payload": {"key": "new"}}


@pytest.fixture
def slack() -> Iterator[SlackSandbox]:
    now = iter(range(1_795_500_000, 1_795_600_000, 60))
    with SlackSandbox(clock=lambda: next(now)) as sandbox:
        yield sandbox


def client(slack: SlackSandbox) -> WebClient:
    return WebClient(token=slack.token, base_url=slack.base_url, retry_handlers=[])


def posted(slack: SlackSandbox) -> str:
    """The timestamp of a message with a block and metadata."""
    told = client(slack).chat_postMessage(channel=GROWTH, text="hi", blocks=[SECTION], metadata=OLD)
    return str(told["ts"])


def shown(slack: SlackSandbox) -> list[dict[str, Any]]:
    told = client(slack).conversations_history(channel=GROWTH, include_all_metadata=True)
    return list(told["messages"])


def test_a_changed_message_keeps_its_place_and_has_its_new_words(slack: SlackSandbox) -> None:
    ts = posted(slack)
    client(slack).chat_postMessage(channel=GROWTH, text="later")
    told = client(slack).chat_update(
        channel=GROWTH, ts=ts, text="bye", blocks=[OTHER], metadata=NEW
    )
    assert (told["channel"], told["ts"], told["text"]) == (GROWTH, ts, "bye")
    changed, later = slack.posts
    assert (changed.ts, changed.text, changed.blocks) == (ts, "bye", [OTHER])
    assert (changed.metadata, changed.edited) == (NEW, "1795500120.000000")
    assert (later.text, later.edited) == ("later", None)
    assert [(one["text"], "edited" in one) for one in shown(slack)] == [
        ("later", False),
        ("bye", True),
    ]
    assert shown(slack)[1]["metadata"] == NEW


@pytest.mark.parametrize(
    ("given", "blocks", "metadata"),
    [
        pytest.param({}, [], OLD, id="blocks go with new text, metadata stays"),
        pytest.param({"blocks": []}, [], OLD, id="no blocks"),
        pytest.param({"metadata": {}}, [], None, id="no metadata"),
        pytest.param({"metadata": {"event_type": "a.b", "event_payload": {}}}, [], None, id="odd"),
        pytest.param({"blocks": [OTHER], "metadata": NEW}, [OTHER], NEW, id="all new"),
    ],
)
def test_what_a_change_leaves_of_the_old_message(
    slack: SlackSandbox, given: dict[str, Any], blocks: list[Any], metadata: Any
) -> None:
    client(slack).chat_update(channel=GROWTH, ts=posted(slack), text="bye", **given)
    (post,) = slack.posts
    assert (post.text, post.blocks, post.metadata) == ("bye", blocks, metadata)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"ts": "1.1"}, "message_not_found"),
        ({"channel": ALERTS}, "message_not_found"),
        ({"channel": "#growth"}, "channel_not_found"),
        ({"channel": "C0999999999"}, "channel_not_found"),
        ({"text": ""}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"blocks": "nope"}, "invalid_blocks_format"),
        ({"blocks": [{"type": "section"}]}, "invalid_blocks"),
        (
            {"blocks": [{"type": "image", "slack_file": {"id": "F1"}, "alt_text": "x"}]},
            "invalid_blocks",
        ),
        ({"metadata": "nope"}, "invalid_metadata_format"),
    ],
)
def test_a_bad_change_is_refused_by_its_code_and_changes_nothing(
    slack: SlackSandbox, payload: dict[str, Any], code: str
) -> None:
    given = {"channel": GROWTH, "ts": posted(slack), "text": "bye", **payload}
    with pytest.raises(SlackApiError) as caught:
        client(slack).api_call("chat.update", json=given)
    assert caught.value.response["error"] == code
    (post,) = slack.posts
    assert (post.text, post.blocks, post.metadata, post.edited) == ("hi", [SECTION], OLD, None)


def test_the_message_of_a_person_is_shown_and_cannot_be_changed(slack: SlackSandbox) -> None:
    theirs = slack.say(GROWTH, "lunch?")
    with pytest.raises(SlackApiError) as caught:
        client(slack).chat_update(channel=GROWTH, ts=theirs.ts, text="mine")
    assert caught.value.response["error"] == "cant_update_message"
    (message,) = shown(slack)
    assert (message["text"], message["user"], "bot_id" in message) == ("lunch?", PERSON, False)


def test_a_changed_message_can_be_looked_up_alone_by_its_timestamp(slack: SlackSandbox) -> None:
    _, ts, _ = posted(slack), posted(slack), posted(slack)
    client(slack).chat_update(channel=GROWTH, ts=ts, text="bye", metadata=NEW)
    told = client(slack).conversations_history(
        channel=GROWTH, oldest=ts, latest=ts, inclusive=True, include_all_metadata=True, limit=1
    )
    assert [one["text"] for one in told["messages"]] == ["bye"]
    assert (told["messages"][0]["metadata"], told["has_more"]) == (NEW, False)
    told = client(slack).conversations_history(
        channel=GROWTH, oldest=ts, latest=ts, inclusive=False
    )
    assert told["messages"] == []


def test_a_changed_message_keeps_its_thread_and_a_reply_can_be_changed(
    slack: SlackSandbox,
) -> None:
    web, root = client(slack), posted(slack)
    reply = str(web.chat_postMessage(channel=GROWTH, text="more", thread_ts=root)["ts"])
    web.chat_update(channel=GROWTH, ts=root, text="bye")
    web.chat_update(channel=GROWTH, ts=reply, text="less")
    replies = web.conversations_replies(channel=GROWTH, ts=root)["messages"]
    assert [one["text"] for one in replies] == ["bye", "less"]
    assert slack.posts[1].thread_ts == root


def test_a_thread_is_one_of_its_own_channel(slack: SlackSandbox) -> None:
    root = posted(slack)
    with pytest.raises(SlackApiError) as caught:
        client(slack).chat_postMessage(channel=ALERTS, text="more", thread_ts=root)
    assert caught.value.response["error"] == "thread_not_found"
    client(slack).chat_postMessage(channel=GROWTH, text="more", thread_ts=root)
    assert [post.thread_ts for post in slack.posts] == [None, root]
