"""Slack on loopback that journals every message it stores before it answers.

    with SlackSink(journal, script=posts(LOST)) as slack:
        ...  # the first message is stored, its answer never comes

Scripts are the sandbox's (`digest.sandbox.slack`); `tests.support.slacking` has makers of them.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digest.sandbox.slack import Answer, SlackSandbox
from digest.sandbox.slack_scopes import ALL_SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from digest.sandbox.slack_store import Post
    from tests.lab.journal import Journal

KIND = "slack"
LOST = Answer(act=True, hang_up=True)
BROKEN = Answer(act=True, status=500, body="<h1>Server Error</h1>")
UNSURE = Answer(act=True, body={"ok": False, "error": "internal_error"})
PROXY_PAGE = Answer(act=True, body="<html>please log in</html>")
"""Answers to a message that was stored all the same."""

NO_HISTORY = tuple(scope for scope in ALL_SCOPES if not scope.endswith(":history"))
"""A bot's scopes with which a message can't be looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Late(Answer):
    """Carried out at once (with `act`), answered only after so many seconds."""

    seconds: float


class SlackSink(SlackSandbox):
    """Context manager; takes what SlackSandbox takes."""

    def __init__(
        self,
        journal: Journal,
        *,
        script: Callable[[str, Mapping[str, Any], int], Answer | None] | None = None,
        **options: Any,
    ) -> None:
        self.script = script
        self._closing = threading.Event()
        super().__init__(script=self._answer, **options)
        self._workspace._posts = _Journaled(journal)

    def close(self) -> None:
        self._closing.set()
        super().close()

    def _answer(self, method: str, payload: Mapping[str, Any], n: int) -> Answer | None:
        planned = None if self.script is None else self.script(method, payload, n)
        if not isinstance(planned, Late):
            return planned
        if planned.act:
            self._web._perform(method, payload)
        self._closing.wait(planned.seconds)
        return Answer(status=planned.status, body=planned.body, hang_up=planned.hang_up)


class _Journaled(list["Post"]):
    """The stored messages; each, and each change of one, is in the journal first."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def append(self, post: Post, /) -> None:
        self._note("accepted", post)
        super().append(post)

    def __setitem__(self, place: Any, post: Any, /) -> None:
        self._note("changed", post)
        super().__setitem__(place, post)

    def _note(self, event: str, post: Post) -> None:
        about = (post.metadata or {}).get("event_payload", {})
        self._journal.write(
            KIND,
            event=event,
            channel=post.channel,
            ts=post.ts,
            thread_ts=post.thread_ts,
            key=about.get("key", ""),
            part=about.get("part"),
            sha256=_sum(post),
        )


def _sum(post: Post) -> str:
    """A checksum of what readers see; a file that was uploaded anew has another id."""
    shown = [
        {**block, "slack_file": "a file"} if "slack_file" in block else block
        for block in post.blocks
    ]
    seen = json.dumps([post.text, shown], sort_keys=True)
    return hashlib.sha256(seen.encode()).hexdigest()
