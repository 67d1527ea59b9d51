"""Moves of one delivery: compare-and-swap on state and fence, and the log entry for it.

Each function runs inside a transaction of the writer's and says whether it was its turn. A move
that `core.outbox.MOVES` doesn't have is a defect and raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, update

from digest.core.content import DeliveryState as State
from digest.core.outbox import MOVES
from digest.store.tables import attempts, deliveries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from digest.core.outbox import Delivery

_LOG = insert(attempts)


def _swap(*columns: str, **values: Any) -> Any:
    """An UPDATE that is compiled once: these columns are bound, `values` are computed."""
    named: dict[str, Any] = {
        name: bindparam(f"new_{name}") for name in ("state", "updated_at", *columns)
    }
    return (
        update(deliveries)
        .where(
            deliveries.c.id == bindparam("this_row"),
            deliveries.c.state == bindparam("this_state"),
            deliveries.c.fence == bindparam("this_fence"),
        )
        .values(**named, **values)
    )


_BEGIN = _swap(attempts=deliveries.c.attempts + 1)
_ARM = _swap("armed_at")
_SENT = _swap("reference", "place", "remarks", "last_error", "due_at", owner=None)
_END = _swap("last_error", "due_at", "small", "looks", owner=None)
_LOOKED = _swap("looks", "due_at")
_UNSURE = _swap("last_error", "due_at", owner=None, uncertain=deliveries.c.uncertain + 1, looks=0)


def begin(connection: Connection, held: Delivery, now: datetime) -> bool:
    """A try has begun: counted before anything is said about it to a server."""
    return _move(connection, _BEGIN, held, State.LEASED, State.SENDING, now=now, attempt=1)


def arm(
    connection: Connection, held: Delivery, before: State, now: datetime, *, armed_at: datetime
) -> bool:
    """From now on the recipient may have it. Again for one that waited while it was armed."""
    if before is State.AT_RISK:
        values = _values(held, State.AT_RISK, State.AT_RISK, now) | {"new_armed_at": armed_at}
        return connection.execute(_ARM, values).rowcount == 1
    return _move(
        connection, _ARM, held, before, State.AT_RISK, now=now, attempt=1, armed_at=armed_at
    )


def sent(
    connection: Connection,
    held: Delivery,
    before: State,
    now: datetime,
    *,
    reference: str | None,
    place: str | None,
    remarks: str | None,
    reason: str = "",
) -> bool:
    """It was taken, or found where it belongs."""
    return _move(
        connection,
        _SENT,
        held,
        before,
        State.SENT,
        now=now,
        attempt=0 if before in {State.UNCERTAIN, State.HELD} else 1,
        reason=reason,
        reference=reference,
        place=place,
        remarks=remarks,
        last_error=None,
        due_at=None,
    )


def unsure(
    connection: Connection, held: Delivery, now: datetime, reason: str, *, attempt: int
) -> bool:
    """It is not known whether it was taken; counted, because it may have been."""
    return _move(
        connection,
        _UNSURE,
        held,
        State.AT_RISK,
        State.UNCERTAIN,
        now=now,
        attempt=attempt,
        reason=reason,
        last_error=reason,
        due_at=None,
    )


def end(
    connection: Connection,
    held: Delivery,
    before: State,
    after: State,
    now: datetime,
    *,
    reason: str,
    attempt: int = 0,
    code: str = "",
    due_at: datetime | None = None,
    small: bool | None = None,
    looks: int = 0,
    keep_error: bool = False,
) -> bool:
    """Any other move: put off, refused, given up, handed back, held, skipped."""
    return _move(
        connection,
        _END,
        held,
        before,
        after,
        now=now,
        attempt=attempt,
        code=code,
        reason=reason,
        last_error=(held.last_error or None) if keep_error else reason,
        due_at=due_at,
        small=held.small if small is None else small,
        looks=looks,
    )


def looked(
    connection: Connection, held: Delivery, now: datetime, due_at: datetime | None, *, count: bool
) -> bool:
    """It was looked for and not found; it stays uncertain until the next look."""
    values = {
        "this_row": held.row,
        "this_state": State.UNCERTAIN,
        "this_fence": held.fence,
        "new_state": State.UNCERTAIN,
        "new_updated_at": now,
        "new_looks": held.looks + count,
        "new_due_at": due_at,
    }
    return connection.execute(_LOOKED, values).rowcount == 1


def log(connection: Connection, entries: Sequence[dict[str, Any]]) -> None:
    """Several entries of the execution log at once, at least one."""
    connection.execute(_LOG, list(entries))


def entry(
    held: Delivery,
    before: State | None,
    after: State,
    now: datetime,
    *,
    attempt: int = 0,
    fence: int | None = None,
    code: str = "",
    reason: str = "",
) -> dict[str, Any]:
    """One entry; `attempt` is added to those counted when the delivery was read."""
    return {
        "delivery_id": held.row,
        "at": now,
        "attempt": held.attempts + attempt,
        "fence": held.fence if fence is None else fence,
        "before": before,
        "after": after,
        "code": code or None,
        "reason": reason or None,
    }


def _values(held: Delivery, before: State, after: State, now: datetime) -> dict[str, Any]:
    return {
        "this_row": held.row,
        "this_state": before,
        "this_fence": held.fence,
        "new_state": after,
        "new_updated_at": now,
    }


def _move(
    connection: Connection,
    statement: Any,
    held: Delivery,
    before: State,
    after: State,
    *,
    now: datetime,
    attempt: int,
    code: str = "",
    reason: str = "",
    **changes: Any,
) -> bool:
    if after not in MOVES[before]:
        raise ValueError(f"a delivery does not go from {before} to {after}")
    values = _values(held, before, after, now)
    values |= {f"new_{name}": value for name, value in changes.items()}
    if connection.execute(statement, values).rowcount != 1:
        return False
    log(
        connection,
        [entry(held, before, after, now, attempt=attempt, code=code, reason=reason)],
    )
    return True
