"""What a process has left behind that died or lost hold of it: handed back, or of unknown outcome.

Deliveries that were never at risk wait again. Those that were may have arrived, so they become
uncertain, which counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select

from digest.core.content import DeliveryState as State
from digest.store import moves
from digest.store.reading import in_scope
from digest.store.rows import DELIVERIES, delivery_of
from digest.store.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from digest.store.reading import Scope

_HELD = (State.LEASED, State.SENDING, State.AT_RISK)
HANDED_BACK = "the process that had it is gone; nothing was sent"
MAY_HAVE_ARRIVED = "the process that sent it is gone, and whether it was taken is not known"
_LOST_HOLD = (
    "the ledger could not be used meanwhile; nothing was sent",
    "the ledger could not be used meanwhile, and whether it was taken is not known",
)


def recover(
    connection: Connection,
    install: str,
    now: datetime,
    dead: ColumnElement[bool] | None,
    said: tuple[str, str] = (HANDED_BACK, MAY_HAVE_ARRIVED),
) -> int:
    """Settle what dead owners held (all owners, when `dead` is None); gives how many that were."""
    statement = DELIVERIES.where(deliveries.c.state.in_(_HELD))
    if dead is not None:
        statement = statement.where(dead).with_for_update(of=deliveries, skip_locked=True)
    rows = connection.execute(statement).all()
    return sum(_recover(connection, row, install, now, said) for row in rows)


def lost_hold(scope: Scope, owner: str, in_hand: Collection[int]) -> ColumnElement[bool]:
    """What an owner has in the ledger and is not at work on."""
    chosen = [deliveries.c.owner == owner, deliveries.c.state.in_(_HELD)]
    within = in_scope(scope).whereclause
    if within is not None:
        chosen.append(within)
    return and_(*chosen, deliveries.c.id.not_in(in_hand))


def is_any(connection: Connection, chosen: ColumnElement[bool]) -> bool:
    """Whether there is any such delivery."""
    return connection.execute(select(deliveries.c.id).where(chosen).limit(1)).first() is not None


def reclaim(connection: Connection, install: str, now: datetime, lost: ColumnElement[bool]) -> int:
    """Settle what we lost hold of ourselves; gives how many that were."""
    return recover(connection, install, now, lost, _LOST_HOLD)


def _recover(
    connection: Connection, row: Any, install: str, now: datetime, said: tuple[str, str]
) -> bool:
    held = delivery_of(row, install)
    handed_back, may_have_arrived = said
    if held.state is State.AT_RISK:
        return moves.unsure(connection, held, now, may_have_arrived, attempt=0)
    return moves.end(
        connection,
        held,
        held.state,
        State.PLANNED,
        now,
        reason=handed_back,
        due_at=held.due_at,
        keep_error=True,
    )
