"""Rows → what the rest of digest knows: deliveries, runs, holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from digest.core.content import DeliveryKey, DeliveryKind, DeliveryState
from digest.core.outbox import Delivery
from digest.store.tables import deliveries, runs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row, Select

# Everything but the frozen bytes, which are read only to be sent.
DELIVERIES: Select[Any] = select(
    deliveries.c.id,
    deliveries.c.run_id,
    deliveries.c.channel,
    deliveries.c.recipient,
    deliveries.c.generation,
    deliveries.c.reference,
    deliveries.c.place,
    deliveries.c.remarks,
    deliveries.c.state,
    deliveries.c.fence,
    deliveries.c.attempts,
    deliveries.c.uncertain,
    deliveries.c.looks,
    deliveries.c.small,
    deliveries.c.due_at,
    deliveries.c.armed_at,
    deliveries.c.updated_at,
    deliveries.c.last_error,
    runs.c.job,
    runs.c.kind,
    runs.c.period,
    runs.c.deadline,
).join_from(deliveries, runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One planned run: a job's period, once for each generation."""

    row: int
    job: str
    kind: DeliveryKind
    period: str
    generation: int
    app: str
    planned_at: datetime
    deadline: datetime
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A channel whose server or account is in trouble.

    `times` is how often in a row, `passing` whether it can end by itself.
    """

    channel: str
    since: datetime
    until: datetime
    times: int
    passing: bool
    reported: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of the execution log. `before` is None where the delivery began."""

    at: datetime
    attempt: int
    fence: int
    before: DeliveryState | None
    after: DeliveryState
    code: str
    reason: str


def delivery_of(row: Row[Any], install: str) -> Delivery:
    """A row of `DELIVERIES`."""
    return Delivery(
        row=row.id,
        run=row.run_id,
        key=DeliveryKey(
            install=install,
            job=row.job,
            kind=DeliveryKind(row.kind),
            period=row.period,
            channel=row.channel,
            recipient=row.recipient,
            generation=row.generation,
        ),
        state=DeliveryState(row.state),
        fence=row.fence,
        attempts=row.attempts,
        uncertain=row.uncertain,
        looks=row.looks,
        small=row.small,
        reference=row.reference,
        place=row.place,
        last_error=row.last_error or "",
        remarks=texts_of(row.remarks),
        due_at=row.due_at,
        armed_at=row.armed_at,
        deadline=row.deadline,
        updated_at=row.updated_at,
    )


def run_of(row: Row[Any]) -> Run:
    """A row of `runs`."""
    return Run(
        row=row.id,
        job=row.job,
        kind=DeliveryKind(row.kind),
        period=row.period,
        generation=row.generation,
        app=row.app,
        planned_at=row.planned_at,
        deadline=row.deadline,
        warnings=texts_of(row.warnings),
    )


def texts_of(held: str | None) -> tuple[str, ...]:
    """Sentences kept in one column; mostly there are none."""
    return tuple(json.loads(held)) if held else ()


def held_texts(sentences: tuple[str, ...]) -> str | None:
    """The other way round."""
    return json.dumps(sentences, ensure_ascii=False) if sentences else None
