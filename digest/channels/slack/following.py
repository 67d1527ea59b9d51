"""The earlier message that a reader's message belongs to, as it stands in the frozen head. Pure.

    {"channel": "C0123456789", "ts": "1795500000.000100", "edits": true}

A head without anything follows nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from digest.channels.slack.document import UnreadableError
from digest.channels.slack.posting import Posted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.core.content import Follows, SlackMessage

CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{6,32}", re.ASCII)
TIMESTAMP = re.compile(r"\d{1,12}\.\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A message that is in its channel; with `edits` it is changed, else it gets replies."""

    channel: str
    ts: str
    edits: bool

    @property
    def posted(self) -> Posted:
        """Where it is."""
        return Posted(channel=self.channel, ts=self.ts)

    def instead(self, code: str) -> str:
        """The remark on a message that was posted anew, because Slack said `code`."""
        what = "be changed" if self.edits else "be replied to"
        return f"posted as a new message: the earlier one can't {what} (Slack: {code})"


def head_of(follows: Follows | None) -> bytes:
    """The head of a reader's message; empty where it is not known where the earlier one is."""
    if follows is None or follows.place is None or follows.reference is None:
        return b""
    earlier = Earlier(channel=follows.place, ts=follows.reference, edits=follows.edits)
    if not _is_slacks(earlier):
        return b""
    fields = {"channel": earlier.channel, "ts": earlier.ts, "edits": earlier.edits}
    return json.dumps(fields, separators=(",", ":")).encode()


def earlier_in(head: bytes) -> Earlier | None:
    """What a head says. Raises UnreadableError for bytes that are no head of ours."""
    if not head:
        return None
    try:
        read = json.loads(head)
    except (ValueError, RecursionError):
        read = None
    earlier: Earlier | None = None
    match read:
        case {"channel": str(channel), "ts": str(ts), "edits": bool(edits), **rest} if not rest:
            earlier = Earlier(channel=channel, ts=ts, edits=edits)
        case _:
            pass
    if earlier is None or not _is_slacks(earlier):
        raise UnreadableError("what the stored message follows can't be read")
    return earlier


def as_replies(messages: Mapping[int, SlackMessage]) -> dict[int, SlackMessage]:
    """The same messages, each for a thread."""
    return {part: replace(message, thread=True) for part, message in messages.items()}


def _is_slacks(earlier: Earlier) -> bool:
    """Whether both of them look like what Slack gave us."""
    known = CHANNEL_ID.fullmatch(earlier.channel) and TIMESTAMP.fullmatch(earlier.ts)
    return known is not None
