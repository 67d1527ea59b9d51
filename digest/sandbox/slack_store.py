"""What the Slack sandbox keeps: channels, posts and files."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


BOT = "U0000000001"
"""The user that the bot is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One message. `channel` is the channel's id, `ts` and `thread_ts` are Slack's timestamps.

    Once it was changed it has its newest words, `payload` is what the last call asked for, and
    `edited` is the timestamp of that.
    """

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None
    metadata: dict[str, Any] | None
    payload: Mapping[str, Any]
    user: str = BOT
    edited: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackFile:
    """One file. `uploaded` once its bytes are here, `complete` once the upload was finished.

    `asked` counts how often it was asked for since then: files take a while to be processed.
    """

    file_id: str
    name: str
    length: int
    alt: str | None
    title: str | None = None
    data: bytes = b""
    uploaded: bool = False
    complete: bool = False
    asked: int = 0
    channels: tuple[str, ...] = ()


class Workspace:
    """One workspace with its channels (id → name), posts and files; safe to use from threads.

    `clock` gives seconds since 1970; it must not go back.
    """

    def __init__(
        self, channels: Mapping[str, str], process_after: int, clock: Callable[[], float]
    ) -> None:
        self.channels = dict(channels)
        self._clock = clock
        self._process_after = process_after
        self._posts: list[Post] = []
        self._files: dict[str, SlackFile] = {}
        self._lock = threading.Lock()

    @property
    def posts(self) -> list[Post]:
        """Every post, oldest first."""
        with self._lock:
            return list(self._posts)

    @property
    def files(self) -> dict[str, SlackFile]:
        """Every file by its id."""
        with self._lock:
            return dict(self._files)

    def channel_id(self, asked: object) -> str | None:
        """The id of a channel given as id, name or #name; None when there is no such channel."""
        name = str(asked).removeprefix("#")
        if name in self.channels:
            return name
        return next((key for key, known in self.channels.items() if known == name), None)

    def find(self, channel: str, ts: object) -> Post | None:
        """A message of a channel by its timestamp."""
        return next((post for post in self.posts if (post.channel, post.ts) == (channel, ts)), None)

    def change_post(self, post: Post, **changes: Any) -> Post:
        """The message with these fields changed, in the place of the one with its timestamp."""
        with self._lock:
            place = next(n for n, one in enumerate(self._posts) if one.ts == post.ts)
            now = f"{int(self._clock())}.000000"
            self._posts[place] = replace(self._posts[place], edited=now, **changes)
            return self._posts[place]

    def post(self, channel: str, payload: Mapping[str, Any], user: str = BOT) -> Post:
        """Keep a message; each gets its own, later timestamp."""
        with self._lock:
            post = Post(
                channel=channel,
                ts=f"{int(self._clock())}.{len(self._posts) + 1:06d}",
                text=str(payload.get("text", "")),
                blocks=payload.get("blocks") or [],
                thread_ts=payload.get("thread_ts"),
                metadata=payload.get("metadata"),
                payload=payload,
                user=user,
            )
            self._posts.append(post)
            return post

    def begin_file(self, name: str, length: int, alt: str | None) -> SlackFile:
        """Make room for a file that is about to be uploaded."""
        with self._lock:
            file = SlackFile(
                file_id=f"F{len(self._files) + 1:010d}", name=name, length=length, alt=alt
            )
            self._files[file.file_id] = file
            return file

    def change_file(self, file_id: str, **changes: Any) -> SlackFile:
        """The file with these fields changed. Raises KeyError for an unknown one."""
        with self._lock:
            self._files[file_id] = replace(self._files[file_id], **changes)
            return self._files[file_id]

    def ask_for_file(self, file_id: str) -> bool:
        """Whether the file is ready to be shown; asking brings that nearer."""
        with self._lock:
            file = self._files.get(file_id)
            if file is None or not file.complete:
                return False
            self._files[file_id] = replace(file, asked=file.asked + 1)
            return file.asked >= self._process_after
