"""Named steps of the work, at which the lab's tests kill, stop or count the process.

Nothing in the product listens and no setting makes it: a listener is installed only by the
launcher in `tests/lab`, before it runs the command line. It is the one global of this package,
because a step is a place in the code and not a part that is handed around.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Step(StrEnum):
    """The steps, in the order in which one digest reaches them."""

    FETCH_MID = "fetch.mid"
    RENDER_PRE = "render.pre"
    ARTIFACT_POST = "artifact.post"
    PLAN_PRE = "plan.pre"
    ALERT_TXN = "alert.txn"
    SNAPSHOT_POST = "snapshot.post"
    PLAN_POST = "plan.post"
    LEASE_POST = "lease.post"
    SMTP_CONNECT = "smtp.connect"
    SMTP_MAIL = "smtp.mail"
    SMTP_RCPT = "smtp.rcpt"
    SMTP_354 = "smtp.354"
    SMTP_BODY = "smtp.body"
    ARM_POST = "arm.post"
    DOT_POST = "dot.post"
    REPLY_POST = "reply.post"
    SENT_POST = "sent.post"
    SLACK_UPLOADED = "slack.uploaded"
    SLACK_ARMED = "slack.armed"
    SLACK_POSTED = "slack.posted"
    SLACK_REPLIED = "slack.replied"
    PRUNE_MID = "prune.mid"
    MIGRATE_MID = "migrate.mid"


_listeners: list[Callable[[Step], object]] = []


def reached(step: Step) -> None:
    """Say that the step was reached."""
    for listener in _listeners:
        listener(step)


def listen(listener: Callable[[Step], object]) -> None:
    """Have `listener` called at every step, for the rest of the process."""
    _listeners.append(listener)
