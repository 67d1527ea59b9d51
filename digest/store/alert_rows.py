"""Rows ↔ what the rest of digest knows of alerts: states, episodes, days."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from digest.core.alert_model import AlertState
from digest.errors import StateRefusedError

if TYPE_CHECKING:
    from sqlalchemy import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlert:
    """A rule's state as the ledger has it.

    `version` counts how often it was written. `looked_at` is when that was done last for a look;
    None when the config lost this rule since: then `state` has only what must not begin anew.
    """

    name: str
    app: str
    state: AlertState
    version: int
    looked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One time that a rule fired. `since` and `ended_at` are of the data, `fired_at` of the look.

    `value` is the newest while it fired. `run_job` and `run_period` are the run that told of it
    first, None where nobody was told. `held` is why it was held back at first. `notices` counts
    the messages about it.
    """

    row: int
    alert: str
    number: int
    app: str
    severity: str
    since: datetime
    fired_at: datetime
    ended_at: datetime | None
    value: float | None
    worst: float | None
    reason: str
    run_job: str | None
    run_period: str | None
    held: str | None
    flapping: bool
    notices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDay:
    """What a rule has seen of one UTC day: how often it looked, and what that showed.

    `lowest` and `highest` are of the looks that had enough to judge by.
    """

    alert: str
    day: date
    looks: int
    breaches: int
    too_few: int
    missing: int
    lowest: float | None
    highest: float | None


def text_of(state: AlertState) -> str:
    """A state as it is kept: JSON, instants in ISO 8601."""
    return json.dumps(_adapter().dump_python(state, mode="json"), ensure_ascii=False)


def state_of(name: str, data: str) -> AlertState:
    """The other way round. What a newer version added is left out, what it lacks is as usual.

    Raises StateRefusedError for what is no state.
    """
    try:
        return _adapter().validate_json(data, strict=True)
    except ValidationError:
        raise StateRefusedError(
            f"what the ledger remembers of the alert {name} is damaged; put back a copy of the "
            "ledger in which it is whole"
        ) from None


@cache
def _adapter() -> TypeAdapter[AlertState]:
    return TypeAdapter(AlertState)


def stored_of(row: Row[Any]) -> StoredAlert:
    """A row of `alert_states`. Raises StateRefusedError."""
    return StoredAlert(
        name=row.name,
        app=row.app,
        state=state_of(row.name, row.data),
        version=row.version,
        looked_at=row.looked_at,
    )


def episode_of(row: Row[Any]) -> Episode:
    """A row of `alert_episodes`."""
    return Episode(
        row=row.id,
        alert=row.alert,
        number=row.number,
        app=row.app,
        severity=row.severity,
        since=row.since,
        fired_at=row.fired_at,
        ended_at=row.ended_at,
        value=row.value,
        worst=row.worst,
        reason=row.reason,
        run_job=row.run_job,
        run_period=row.run_period,
        held=row.held,
        flapping=row.flapping,
        notices=row.notices,
    )


def day_of(row: Row[Any]) -> AlertDay:
    """A row of `alert_days`."""
    return AlertDay(
        alert=row.alert,
        day=date.fromisoformat(row.day),
        looks=row.looks,
        breaches=row.breaches,
        too_few=row.too_few,
        missing=row.missing,
        lowest=row.lowest,
        highest=row.highest,
    )
