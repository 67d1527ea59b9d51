"""An alert in Slack that fired, what follows it, and what is in the channel in the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from digest.core.content import DeliveryState, Follows
from tests.support.deliveries import chart, details, envelope, headline, picture, slack
from tests.support.slacking import channel, sent

if TYPE_CHECKING:
    from digest.core.content import Envelope, Look, SlackContent
    from digest.sandbox.slack import SlackSandbox
    from tests.support.passages import Result

FIRING = envelope("#growth", posts=slack(headline("firing", chart()), pictures=(picture(),)))
RESOLVED = slack(
    headline("resolved", chart("bounce")), details("worst"), pictures=(picture("bounce"),)
)
STILL = slack(headline("still", chart("bounce")), details("more"), pictures=(picture("bounce"),))


def fired(sandbox: SlackSandbox) -> Result:
    """What became of the earlier message."""
    (told,) = sent(channel(sandbox), FIRING)
    assert told.state is DeliveryState.SENT
    return told


def resolves(told: Result, **changes: Any) -> Envelope:
    return after(FIRING, told, RESOLVED, edits=True, **changes)


def repeats(told: Result, **changes: Any) -> Envelope:
    return after(FIRING, told, STILL, edits=False, **changes)


def texts(sandbox: SlackSandbox) -> list[tuple[str, bool]]:
    """Every message, and whether it is in a thread."""
    return [(post.text, post.thread_ts is not None) for post in sandbox.posts]


def after(
    earlier: Envelope, told: Result | Look, given: SlackContent, *, edits: bool, **changes: Any
) -> Envelope:
    """A message that follows an earlier one, whose place is known from what became of it."""
    fields = {"key": earlier.key, "reference": told.reference, "place": told.place, "edits": edits}
    made = envelope(earlier.recipient, posts=given, generation=earlier.key.generation + 1)
    return replace(made, follows=Follows(**{**fields, **changes}))
