"""The Slack methods that a digest needs, over one workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.sandbox.slack_refusals import Refusal, check_words, checked_metadata
from digest.sandbox.slack_scopes import is_private, kinds
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
    from collections.abc import Mapping

    from digest.sandbox.slack_store import Post, Workspace


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
            case "chat.update":
                return self._update(payload)
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
        self._check(payload)
        thread = payload.get("thread_ts")
        if thread and self._workspace.find(channel, thread) is None:
            raise Refusal("thread_not_found")
        metadata, warnings = checked_metadata(payload.get("metadata"))
        kept = {**payload, "metadata": metadata} if warnings else payload
        post = self._workspace.post(channel, kept)
        told = {"channel": channel, "ts": post.ts, "message": message_shape(post)}
        return {**told, **_warned(warnings)}

    def _update(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """A message with new words; of those not given, only metadata stays."""
        channel = self._channel_by_id(payload.get("channel"))
        post = self._workspace.find(channel, payload.get("ts"))
        if post is None:
            raise Refusal("message_not_found")
        if post.user != WHO["user_id"]:
            raise Refusal("cant_update_message")
        self._check(payload)
        given = payload.get("metadata")
        metadata, warnings = (None, []) if given == {} else checked_metadata(given)
        changed = self._workspace.change_post(
            post,
            text=str(payload.get("text") or ""),
            blocks=payload.get("blocks") or [],
            metadata=post.metadata if given is None else metadata,
            payload=payload,
        )
        told = {"channel": channel, "ts": post.ts, "text": changed.text}
        return {**told, "message": message_shape(changed), **_warned(warnings)}

    def _check(self, payload: Mapping[str, Any]) -> None:
        check_words(payload, self._workspace.ask_for_file)

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
        asked = kinds(payload)
        found = [
            {
                "id": key,
                "name": name,
                "is_channel": True,
                "is_private": is_private(key),
                "is_archived": False,
                "is_member": True,
            }
            for key, name in self._workspace.channels.items()
            if ("private_channel" if is_private(key) else "public_channel") in asked
        ]
        page, metadata = one_page(found, payload)
        return {"channels": page, **metadata}

    def _history(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        channel = self._channel_by_id(payload.get("channel"))
        wanted, posts = between(payload), self._posts()
        threads = {post.thread_ts for post in posts if post.channel == channel}
        found = [
            message_shape(
                post,
                metadata=truth(payload.get("include_all_metadata")),
                has_replies=post.ts in threads,
            )
            for post in reversed(posts)
            if post.channel == channel and not post.thread_ts and wanted(float(post.ts))
        ]
        # Slack gives the pages nearest to `oldest` first when that stands alone.
        forward = bool(payload.get("oldest")) and not payload.get("latest")
        page, metadata = one_page(found[::-1] if forward else found, payload)
        page = page[::-1] if forward else page
        return {"messages": page, "has_more": more(metadata), **metadata}

    def _replies(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        channel, root = self._channel_by_id(payload.get("channel")), payload.get("ts")
        found = [
            message_shape(post, metadata=truth(payload.get("include_all_metadata")))
            for post in self._posts()
            if post.channel == channel and root in {post.ts, post.thread_ts}
        ]
        if not found:
            raise Refusal("thread_not_found")
        if len(found) > 1 and found[0]["ts"] == root:
            found[0]["thread_ts"] = root
        page, metadata = one_page(found, payload)
        return {"messages": page, "has_more": more(metadata), **metadata}

    def _posts(self) -> list[Post]:
        return self._workspace.posts

    def _channel(self, asked: object) -> str:
        found = self._workspace.channel_id(asked)
        if found is None:
            raise Refusal("channel_not_found")
        return found

    def _channel_by_id(self, asked: object) -> str:
        """History takes no name."""
        if asked not in self._workspace.channels:
            raise Refusal("channel_not_found")
        return str(asked)


def _warned(warnings: list[str]) -> dict[str, Any]:
    return {"response_metadata": {"warnings": warnings}} if warnings else {}
