"""What a process that died has left behind: handed back, or of unknown outcome.

Deliveries that were never at risk wait again. Those that were may have arrived, so they become
uncertain, which counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.core.content import DeliveryState as State
from digest.store import moves
from digest.store.rows import DELIVERIES, delivery_of
from digest.store.tables import deliveries

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

_HELD = (State.LEASED, State.SENDING, State.AT_RISK)
HANDED_BACK = "the process that had it is gone; nothing was sent"
MAY_HAVE_ARRIVED = "the process that sent it is gone, and whether it was taken is not known"


def recover(
    connection: Connection,
    install: str,
    now: datetime,
    dead: ColumnElement[bool] | None,
) -> int:
    """Settle what dead owners held (all owners, when `dead` is None); gives how many that were."""
    statement = DELIVERIES.where(deliveries.c.state.in_(_HELD))
    if dead is not None:
        statement = statement.where(dead).with_for_update(of=deliveries, skip_locked=True)
    rows = connection.execute(statement).all()
    return sum(_recover(connection, row, install, now) for row in rows)


def _recover(connection: Connection, row: Any, install: str, now: datetime) -> bool:
    held = delivery_of(row, install)
    if held.state is State.AT_RISK:
        return moves.unsure(connection, held, now, MAY_HAVE_ARRIVED, attempt=0)
    return moves.end(
        connection,
        held,
        held.state,
        State.PLANNED,
        now,
        reason=HANDED_BACK,
        due_at=held.due_at,
        keep_error=True,
    )
