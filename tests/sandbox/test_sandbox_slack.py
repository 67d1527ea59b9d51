"""The embedded Slack, spoken to by the real client."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from digest.sandbox.slack import Answer, SlackSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 320) + b"\0" * 200
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}}


@pytest.fixture
def slack() -> Iterator[SlackSandbox]:
    with SlackSandbox() as sandbox:
        yield sandbox


def client(slack: SlackSandbox, token: str | None = None) -> WebClient:
    return WebClient(token=token or slack.token, base_url=slack.base_url, retry_handlers=[])


def refused(error: SlackApiError) -> str:
    return str(error.response["error"])


def upload(web: WebClient, data: bytes = PNG) -> str:
    begun = web.files_getUploadURLExternal(filename="a.png", length=len(data), alt_txt="words")
    answer = requests.post(str(begun["upload_url"]), data=data, timeout=10)
    assert answer.status_code == 200
    web.files_completeUploadExternal(files=[{"id": begun["file_id"], "title": "A chart"}])
    return str(begun["file_id"])


@pytest.mark.parametrize("channel", ["C0123456789", "#growth", "growth"])
def test_a_post_is_kept_with_its_channel_blocks_and_metadata(
    slack: SlackSandbox, channel: str
) -> None:
    metadata = {"event_type": "digest", "event_payload": {"key": "k"}}
    answer = client(slack).chat_postMessage(
        channel=channel, text="hi", blocks=[SECTION], metadata=metadata
    )
    (post,) = slack.posts
    assert (post.channel, post.text, post.blocks) == ("C0123456789", "hi", [SECTION])
    assert (post.ts, post.metadata, post.thread_ts) == (answer["ts"], metadata, None)
    assert answer["channel"] == "C0123456789"


def test_replies_hang_on_their_message_and_stay_out_of_the_history(slack: SlackSandbox) -> None:
    web = client(slack)
    root = web.chat_postMessage(channel="#growth", text="root")
    web.chat_postMessage(channel="#growth", text="reply", thread_ts=root["ts"])
    web.chat_postMessage(channel="#alerts", text="elsewhere")
    history = web.conversations_history(channel="C0123456789")
    replies = web.conversations_replies(channel="C0123456789", ts=str(root["ts"]))
    assert [message["text"] for message in history["messages"]] == ["root"]
    assert [message["text"] for message in replies["messages"]] == ["root", "reply"]


def test_history_is_newest_first_in_pages_and_shows_metadata_only_when_asked(
    slack: SlackSandbox,
) -> None:
    web = client(slack)
    stamps = [
        str(
            web.chat_postMessage(
                channel="#growth", text=f"m{n}", metadata={"event_type": "d", "event_payload": {}}
            )["ts"]
        )
        for n in range(3)
    ]
    page = web.conversations_history(channel="C0123456789", limit=2)
    assert [message["text"] for message in page["messages"]] == ["m2", "m1"]
    assert page["has_more"] is True
    assert "metadata" not in page["messages"][0]
    cursor = page["response_metadata"]["next_cursor"]
    rest = web.conversations_history(
        channel="C0123456789", limit=2, cursor=cursor, include_all_metadata=True
    )
    assert (rest["messages"][0]["text"], rest["has_more"]) == ("m0", False)
    assert rest["messages"][0]["metadata"]["event_type"] == "d"
    since = web.conversations_history(channel="C0123456789", oldest=stamps[1])
    assert [message["text"] for message in since["messages"]] == ["m2"]
    one = web.conversations_history(
        channel="C0123456789", oldest=stamps[1], latest=stamps[1], inclusive=True
    )
    assert [message["text"] for message in one["messages"]] == ["m1"]


def test_auth_test_and_channels(slack: SlackSandbox) -> None:
    web = client(slack)
    assert web.auth_test()["team"] == "Sandbox"
    first = web.conversations_list(limit=2)
    assert [channel["name"] for channel in first["channels"]] == ["growth", "alerts"]
    second = web.conversations_list(limit=2, cursor=first["response_metadata"]["next_cursor"])
    assert [channel["id"] for channel in second["channels"]] == ["C0000000003"]


def test_from_an_oldest_on_the_pages_go_forward_each_with_its_newest_first(
    slack: SlackSandbox,
) -> None:
    web = client(slack)
    for n in range(5):
        web.chat_postMessage(channel="#growth", text=f"m{n}")
    first = web.conversations_history(
        channel="C0123456789", oldest=slack.posts[1].ts, inclusive=True, limit=2
    )
    second = web.conversations_history(
        channel="C0123456789",
        oldest=slack.posts[1].ts,
        inclusive=True,
        limit=2,
        cursor=first["response_metadata"]["next_cursor"],
    )
    assert [message["text"] for message in first["messages"]] == ["m2", "m1"]
    assert [message["text"] for message in second["messages"]] == ["m4", "m3"]
    assert (first["has_more"], second["has_more"]) == (True, False)


def test_a_message_with_replies_is_in_its_own_thread(slack: SlackSandbox) -> None:
    web = client(slack)
    root = str(web.chat_postMessage(channel="#growth", text="root")["ts"])
    (alone,) = web.conversations_history(channel="C0123456789")["messages"]
    web.chat_postMessage(channel="#growth", text="reply", thread_ts=root)
    (message,) = web.conversations_history(channel="C0123456789")["messages"]
    replies = web.conversations_replies(channel="C0123456789", ts=root)["messages"]
    assert "thread_ts" not in alone
    assert message["thread_ts"] == root
    assert {reply["thread_ts"] for reply in replies} == {root}


@pytest.mark.parametrize("channel", ["#growth", "growth", "C0999999999"])
def test_history_and_replies_take_only_ids(slack: SlackSandbox, channel: str) -> None:
    web = client(slack)
    root = str(web.chat_postMessage(channel="#growth", text="root")["ts"])
    with pytest.raises(SlackApiError) as caught:
        web.conversations_history(channel=channel)
    assert refused(caught.value) == "channel_not_found"
    with pytest.raises(SlackApiError) as caught:
        web.conversations_replies(channel=channel, ts=root)
    assert refused(caught.value) == "channel_not_found"


def test_private_channels_are_listed_only_when_asked_for() -> None:
    with SlackSandbox(channels={"C0123456789": "growth", "G0000000009": "board"}) as slack:
        web = client(slack)
        both = web.conversations_list(types="public_channel, private_channel")["channels"]
        assert [one["name"] for one in web.conversations_list()["channels"]] == ["growth"]
        assert [(one["name"], one["is_private"]) for one in both] == [
            ("growth", False),
            ("board", True),
        ]


SCOPES: dict[str, tuple[dict[str, Any], str]] = {
    "chat.postMessage": ({"channel": "#growth", "text": "x"}, "chat:write"),
    "chat.update": ({"channel": "C0123456789", "ts": "1.1", "text": "x"}, "chat:write"),
    "files.getUploadURLExternal": ({"filename": "a.png", "length": 1}, "files:write"),
    "files.completeUploadExternal": ({"files": [{"id": "F1"}]}, "files:write"),
    "files.info": ({"file": "F1"}, "files:read"),
    "conversations.history": ({"channel": "C0123456789"}, "channels:history"),
    "conversations.replies": ({"channel": "C0123456789", "ts": "1.1"}, "channels:history"),
    "conversations.list": ({}, "channels:read"),
}


@pytest.mark.parametrize("method", SCOPES)
def test_without_its_scope_a_method_is_refused_and_nothing_is_kept(method: str) -> None:
    payload, scope = SCOPES[method]
    with SlackSandbox(scopes=["other:scope"]) as slack, pytest.raises(SlackApiError) as caught:
        client(slack).api_call(method, json=payload)
    answer = caught.value.response
    assert (answer["error"], answer["needed"], answer["provided"]) == (
        "missing_scope",
        scope,
        "other:scope",
    )
    assert (slack.posts, slack.files) == ([], {})


def test_a_private_channel_and_the_list_of_them_need_the_scopes_for_groups() -> None:
    with SlackSandbox(scopes=["channels:read", "channels:history"]) as slack:
        web = client(slack)
        with pytest.raises(SlackApiError) as caught:
            web.conversations_history(channel="G0000000009")
        assert caught.value.response["needed"] == "groups:history"
        with pytest.raises(SlackApiError) as caught:
            web.conversations_list(types="public_channel,private_channel")
        assert caught.value.response["needed"] == "groups:read"


def test_each_answer_names_the_scopes_of_the_bot(slack: SlackSandbox) -> None:
    with SlackSandbox(scopes=["chat:write", "files:write"]) as few:
        header = client(few).auth_test().headers["x-oauth-scopes"]
    assert header == "chat:write,files:write"
    assert "channels:history" in client(slack).auth_test().headers["x-oauth-scopes"]


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ("text", "invalid_metadata_format"),
        ({"event_type": "x"}, "invalid_metadata_format"),
        ({"event_type": "x", "event_payload": {"a": "x" * 8000}}, "metadata_too_large"),
    ],
)
def test_metadata_that_is_none_or_too_large_is_refused(
    slack: SlackSandbox, metadata: Any, code: str
) -> None:
    with pytest.raises(SlackApiError) as caught:
        client(slack).chat_postMessage(channel="#growth", text="x", metadata=metadata)
    assert refused(caught.value) == code
    assert slack.posts == []


def test_metadata_of_a_strange_type_is_dropped_with_a_warning(slack: SlackSandbox) -> None:
    answer = client(slack).chat_postMessage(
        channel="#growth", text="x", metadata={"event_type": "a.b", "event_payload": {}}
    )
    assert answer["response_metadata"]["warnings"] == ["invalid_metadata_schema"]
    assert slack.posts[0].metadata is None


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        ({"channel": "#growth", "text": ""}, "no_text"),
        ({"channel": "#growth", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "#growth", "text": "x", "thread_ts": "1.1"}, "thread_not_found"),
        ({"channel": "#growth", "text": "x", "blocks": [{"type": "nope"}]}, "invalid_blocks"),
        ({"channel": "#growth", "text": "x", "blocks": "nope"}, "invalid_blocks_format"),
    ],
)
def test_a_bad_post_is_refused_by_its_code_and_not_kept(
    slack: SlackSandbox, payload: dict[str, Any], code: str
) -> None:
    with pytest.raises(SlackApiError) as caught:
        client(slack).api_call("chat.postMessage", json=payload)
    assert refused(caught.value) == code
    assert slack.posts == []


def test_too_much_text_in_all_blocks_is_refused(slack: SlackSandbox) -> None:
    text = {"type": "mrkdwn", "text": "x" * 2900}
    blocks = [{"type": "section", "text": text} for _ in range(5)]
    web = client(slack)
    web.chat_postMessage(channel="#growth", text="x", blocks=blocks[:4])
    with pytest.raises(SlackApiError) as caught:
        web.chat_postMessage(channel="#growth", text="x", blocks=blocks)
    assert refused(caught.value) == "msg_blocks_too_long"


def test_invalid_blocks_come_with_messages(slack: SlackSandbox) -> None:
    with pytest.raises(SlackApiError) as caught:
        client(slack).chat_postMessage(channel="#growth", text="x", blocks=[{"type": "section"}])
    (message,) = caught.value.response["response_metadata"]["messages"]
    assert message == "[ERROR] missing required field: text or fields [json-pointer:/blocks/0]"


@pytest.mark.parametrize(("token", "code"), [("xoxb-wrong", "invalid_auth"), ("", "not_authed")])
def test_a_wrong_token_is_refused(slack: SlackSandbox, token: str, code: str) -> None:
    answer = requests.post(
        f"{slack.base_url}auth.test",
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=10,
    )
    assert answer.json() == {"ok": False, "error": code}
    assert slack.calls == []


def test_tokens_are_not_kept_with_the_calls(slack: SlackSandbox) -> None:
    requests.post(f"{slack.base_url}auth.test", data={"token": slack.token}, timeout=10)
    assert slack.token not in repr(slack.calls)


def test_a_file_goes_up_and_can_be_shown(slack: SlackSandbox) -> None:
    web = client(slack)
    file_id = upload(web)
    info = web.files_info(file=file_id)["file"]
    assert (info["mimetype"], info["original_w"], info["original_h"]) == ("image/png", 640, 320)
    image = {"type": "image", "slack_file": {"id": file_id}, "alt_text": "words"}
    web.chat_postMessage(channel="#growth", text="x", blocks=[image])
    file = slack.files[file_id]
    assert (file.name, file.alt, file.title, file.data) == ("a.png", "words", "A chart", PNG)
    assert (file.uploaded, file.complete, file.channels) == (True, True, ())


def test_the_clients_own_upload_shares_the_file_in_its_channel(slack: SlackSandbox) -> None:
    web = client(slack)
    web.files_upload_v2(
        filename="a.png", content=PNG, channel="C0123456789", initial_comment="look"
    )
    assert [post.text for post in slack.posts] == ["look"]
    assert next(iter(slack.files.values())).channels == ("C0123456789",)


def test_a_new_file_is_not_ready_at_once_when_asked_so() -> None:
    with SlackSandbox(process_after=2) as slack:
        web = client(slack)
        file_id = upload(web)
        image = {"type": "image", "slack_file": {"id": file_id}, "alt_text": "words"}
        with pytest.raises(SlackApiError) as caught:
            web.chat_postMessage(channel="#growth", text="x", blocks=[image])
        assert refused(caught.value) == "invalid_blocks"
        assert web.files_info(file=file_id)["file"]["mimetype"] == ""
        assert web.files_info(file=file_id)["file"]["mimetype"] == "image/png"
        web.chat_postMessage(channel="#growth", text="x", blocks=[image])


def test_what_does_not_fit_is_refused(slack: SlackSandbox) -> None:
    web = client(slack)
    begun = web.files_getUploadURLExternal(filename="a.png", length=10)
    assert requests.post(str(begun["upload_url"]), data=b"12", timeout=10).status_code == 404
    for call, arguments, code in (
        ("files.completeUploadExternal", {"files": [{"id": begun["file_id"]}]}, "file_not_found"),
        ("files.completeUploadExternal", {"files": []}, "invalid_arguments"),
        ("files.getUploadURLExternal", {"filename": "a.png", "length": 0}, "invalid_arguments"),
        ("files.info", {"file": begun["file_id"]}, "file_not_found"),
        ("conversations.replies", {"channel": "C0123456789", "ts": "1.1"}, "thread_not_found"),
        ("nope.nope", {}, "unknown_method"),
    ):
        with pytest.raises(SlackApiError) as caught:
            web.api_call(call, json=arguments)
        assert refused(caught.value) == code


def test_an_upload_as_a_form_keeps_the_files_bytes(slack: SlackSandbox) -> None:
    begun = client(slack).files_getUploadURLExternal(filename="a.png", length=len(PNG))
    requests.post(str(begun["upload_url"]), files={"file": ("a.png", PNG)}, timeout=10)
    assert slack.files[str(begun["file_id"])].data == PNG


def script(method: str, payload: Mapping[str, Any], n: int) -> Answer | None:
    """One fault a call, then as usual."""
    if method != "chat.postMessage":
        return None
    assert payload["channel"] == "#growth"
    faults = {
        1: Answer(status=429, headers={"Retry-After": "7"}, body={"ok": False, "error": "x"}),
        2: Answer(status=500, body="<html>oh</html>"),
        3: Answer(body={"ok": False, "error": "is_archived"}),
        4: Answer(act=True, hang_up=True),
        5: Answer(act=True, status=503, body=b"", content_type="text/plain"),
    }
    return faults.get(n)


def test_a_script_can_fail_each_call_its_own_way() -> None:
    with SlackSandbox(script=script) as slack:
        web = client(slack)
        seen: list[tuple[str, int]] = []
        for n in range(1, 7):
            try:
                web.chat_postMessage(channel="#growth", text=f"m{n}")
                seen.append(("ok", len(slack.posts)))
            except SlackApiError as error:
                wait = error.response.headers.get("Retry-After", "")
                seen.append((f"{error.response.status_code}{wait}", len(slack.posts)))
            except (SlackClientError, OSError) as error:
                seen.append((type(error).__name__, len(slack.posts)))
    assert seen == [
        ("4297", 0),
        ("500", 0),
        ("200", 0),
        ("RemoteDisconnected", 1),
        ("503", 2),
        ("ok", 3),
    ]
    assert [call.n for call in slack.calls] == [1, 2, 3, 4, 5, 6]


def test_a_script_sees_the_bytes_of_a_file_as_upload() -> None:
    def lose(method: str, payload: Mapping[str, Any], n: int) -> Answer | None:
        del payload
        return Answer(status=500, body="") if method == "upload" and n == 1 else None

    with SlackSandbox(script=lose) as slack:
        begun = client(slack).files_getUploadURLExternal(filename="a.png", length=3)
        statuses = [
            requests.post(str(begun["upload_url"]), data=b"123", timeout=10).status_code
            for _ in range(2)
        ]
    assert statuses == [500, 200]


def test_anything_else_is_not_found(slack: SlackSandbox) -> None:
    assert requests.get(slack.base_url.replace("/api/", "/"), timeout=10).status_code == 404
