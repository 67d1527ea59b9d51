"""The Slack methods that a digest needs, over one workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.sandbox.blockkit import MAX_ALL_TEXT, BlockKit, all_text
from digest.sandbox.slack_shapes import (
    WHO,
    between,
    file_shape,
    message_shape,
    more,
    one_page,
    truth,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digest.sandbox.slack_store import Post, Workspace

MAX_TEXT = 40_000


class Refusal(Exception):  # noqa: N818 — an answer of the API, not a fault
    """Slack's `ok: false` with its error code and messages."""

    def __init__(self, code: str, messages: Sequence[str] = ()) -> None:
        self.code = code
        self.messages = list(messages)
        super().__init__(code)


class Calls:
    """Carries out calls. `origin` is where files are uploaded to."""

    def __init__(self, workspace: Workspace, origin: str) -> None:
        self._workspace = workspace
        self._origin = origin

    def perform(self, method: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of a method, without `ok`. Raises Refusal."""
        match method:
            case "auth.test":
                return dict(WHO)
            case "chat.postMessage":
                return self._post(payload)
            case "files.getUploadURLExternal":
                return self._begin_upload(payload)
            case "files.completeUploadExternal":
                return self._complete_upload(payload)
            case "files.info":
                return self._file_info(payload)
            case "conversations.list":
                return self._channels(payload)
            case "conversations.history":
                return self._history(payload)
            case "conversations.replies":
                return self._replies(payload)
            case _:
                raise Refusal("unknown_method")

    def upload(self, payload: Mapping[str, Any]) -> int | None:
        """Keep a file's bytes; how many, or None for a file that nobody announced."""
        file = self._workspace.files.get(payload["file"])
        if file is None or len(payload["bytes"]) != file.length:
            return None
        self._workspace.change_file(file.file_id, data=payload["bytes"], uploaded=True)
        return file.length

    def _post(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        channel = self._channel(payload.get("channel"))
        text, blocks = str(payload.get("text") or ""), payload.get("blocks")
        if not text and not blocks and not payload.get("attachments"):
            raise Refusal("no_text")
        if len(text) > MAX_TEXT:
            raise Refusal("msg_too_long")
        if blocks is not None:
            self._check(blocks)
        thread = payload.get("thread_ts")
        if thread and not any((p.channel, p.ts) == (channel, thread) for p in self._posts()):
            raise Refusal("thread_not_found")
        post = self._workspace.post(channel, payload)
        return {"channel": channel, "ts": post.ts, "message": message_shape(post)}

    def _check(self, blocks: Any) -> None:
        if not isinstance(blocks, list):
            raise Refusal("invalid_blocks_format")
        problems = BlockKit(self._workspace.ask_for_file).problems(blocks)
        if problems:
            raise Refusal("invalid_blocks", problems)
        if all_text(blocks) > MAX_ALL_TEXT:
            raise Refusal("msg_blocks_too_long")

    def _begin_upload(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        name, length = payload.get("filename"), str(payload.get("length", ""))
        if not name or not length.isdecimal() or int(length) == 0:
            raise Refusal("invalid_arguments", ["[ERROR] filename and length are required"])
        file = self._workspace.begin_file(str(name), int(length), payload.get("alt_txt"))
        url = f"{self._origin}/upload/{file.file_id}"
        return {"upload_url": url, "file_id": file.file_id}

    def _complete_upload(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        wanted = payload.get("files")
        if not isinstance(wanted, list) or not wanted:
            raise Refusal("invalid_arguments", ["[ERROR] files is required"])
        asked = payload.get("channel_id")
        channels = (self._channel(asked),) if asked else ()
        done = []
        for item in wanted:
            file = self._workspace.files.get(item.get("id", ""))
            if file is None or not file.uploaded:
                raise Refusal("file_not_found")
            done.append(
                self._workspace.change_file(
                    file.file_id,
                    title=item.get("title") or file.name,
                    complete=True,
                    channels=channels,
                )
            )
        if asked:
            self._share(payload, [file.file_id for file in done])
        return {"files": [file_shape(file, ready=False) for file in done]}

    def _share(self, payload: Mapping[str, Any], file_ids: list[str]) -> None:
        """A file that is completed with a channel shows up there as a message."""
        self._workspace.post(
            self._channel(payload.get("channel_id")),
            {
                "text": str(payload.get("initial_comment") or ""),
                "thread_ts": payload.get("thread_ts"),
                "files": file_ids,
            },
        )

    def _file_info(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        file_id = str(payload.get("file", ""))
        ready = self._workspace.ask_for_file(file_id)
        file = self._workspace.files.get(file_id)
        if file is None or not file.complete:
            raise Refusal("file_not_found")
        return {"file": file_shape(file, ready=ready), "comments": []}

    def _channels(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        found = [
            {"id": key, "name": name, "is_channel": True, "is_archived": False, "is_member": True}
            for key, name in self._workspace.channels.items()
        ]
        page, metadata = one_page(found, payload)
        return {"channels": page, **metadata}

    def _history(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        channel = self._channel(payload.get("channel"))
        wanted = between(payload)
        found = [
            message_shape(post, metadata=truth(payload.get("include_all_metadata")))
            for post in reversed(self._posts())
            if post.channel == channel and not post.thread_ts and wanted(float(post.ts))
        ]
        page, metadata = one_page(found, payload)
        return {"messages": page, "has_more": more(metadata), **metadata}

    def _replies(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        channel, root = self._channel(payload.get("channel")), payload.get("ts")
        found = [
            message_shape(post, metadata=truth(payload.get("include_all_metadata")))
            for post in self._posts()
            if post.channel == channel and root in {post.ts, post.thread_ts}
        ]
        if not found:
            raise Refusal("thread_not_found")
        page, metadata = one_page(found, payload)
        return {"messages": page, "has_more": more(metadata), **metadata}

    def _posts(self) -> list[Post]:
        return self._workspace.posts

    def _channel(self, asked: object) -> str:
        found = self._workspace.channel_id(asked)
        if found is None:
            raise Refusal("channel_not_found")
        return found
