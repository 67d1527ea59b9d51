"""Channels in trouble: held for a growing time, until a message is taken again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from digest.core.outbox import retry_wait
from digest.store.tables import holds

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from digest.core.content import Outcome


def hold(connection: Connection, channel: str, fault: Outcome, now: datetime) -> datetime:
    """Note a fault; gives until when the channel is left alone."""
    known = connection.execute(select(holds).where(holds.c.channel == channel)).first()
    times = 1 if known is None else known.times + 1
    until = now + retry_wait(times)
    if fault.retry_after is not None:
        until = now + timedelta(seconds=fault.retry_after)
    values = {
        "until": until,
        "times": times,
        "passing": fault.passing,
        "reason": fault.detail,
    }
    if known is None:
        new = {"channel": channel, "since": now, "reported": False}
        connection.execute(insert(holds).values(**new, **values))
    else:
        connection.execute(update(holds).where(holds.c.channel == channel).values(**values))
    return until


def release(connection: Connection, channel: str) -> None:
    """The trouble is over."""
    connection.execute(delete(holds).where(holds.c.channel == channel))


def told(connection: Connection, channels: Collection[str]) -> None:
    """The operator has been told of these."""
    connection.execute(update(holds).where(holds.c.channel.in_(channels)).values(reported=True))
