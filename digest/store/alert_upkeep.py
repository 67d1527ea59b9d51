"""What becomes of alerts beside their looks: rules that go, a purge, an older ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, exists, func, select, update

from digest.core.alert_model import AlertState
from digest.core.content import DeliveryKind
from digest.errors import StateRefusedError
from digest.store import silences
from digest.store.alert_changes import state_values
from digest.store.alert_rows import state_of
from digest.store.alert_tables import alert_days, alert_episodes, alert_states
from digest.store.tables import deliveries, runs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

_GONE = "the config has no such alert any more"


def forget(connection: Connection, name: str, now: datetime) -> None:
    """A rule is not watched any more: its state begins anew, and what is open ends.

    How far it was judged and how many episodes it had stay.
    """
    row = connection.execute(
        select(alert_states)
        .where(alert_states.c.name == name, alert_states.c.looked_at.is_not(None))
        .with_for_update()
    ).first()
    if row is None:
        return
    episode = alert_episodes.c
    known = connection.execute(
        select(func.max(episode.number)).where(episode.alert == name)
    ).scalar()
    before = _state_if_whole(row) or AlertState()
    left = AlertState(episode=max(before.episode, known or 0), judged=before.judged)
    _rewrite(connection, row, left, looked_at=None)
    still = and_(episode.alert == name, episode.ended_at.is_(None))
    untold = and_(still, episode.run_job.is_(None), episode.held.is_(None))
    connection.execute(update(alert_episodes).where(untold).values(held=_GONE))
    ended = {"ended_at": now, "reason": episode.reason + f"; {_GONE}"}
    connection.execute(update(alert_episodes).where(still).values(**ended))


def accept_older(connection: Connection, now: datetime) -> None:
    """An older copy was put back, so nobody knows what was told since: no alert looks back."""
    for row in connection.execute(select(alert_states)).all():
        state = _state_if_whole(row)
        if state is not None and (state.judged is None or state.judged < now):
            _rewrite(connection, row, replace(state, judged=now))


def purge(connection: Connection, before: datetime) -> None:
    """Delete what was over before an instant: days, episodes, silences, runs without deliveries.

    A bucket that old is not judged again, so its run need not be known any more. States stay.
    """
    day = before.date().isoformat()
    connection.execute(delete(alert_days).where(alert_days.c.day < day))
    connection.execute(delete(alert_episodes).where(alert_episodes.c.ended_at < before))
    silences.purge(connection, before)
    in_use = exists().where(deliveries.c.run_id == runs.c.id)
    told_by = exists().where(
        alert_episodes.c.run_job == runs.c.job, alert_episodes.c.run_period == runs.c.period
    )
    old = and_(runs.c.kind == DeliveryKind.ALERT, runs.c.planned_at < before)
    connection.execute(delete(runs).where(old, ~in_use, ~told_by))


def _state_if_whole(row: Row[Any]) -> AlertState | None:
    try:
        return state_of(row.name, row.data)
    except StateRefusedError:  # whoever looks at the alert is told
        return None


def _rewrite(connection: Connection, row: Row[Any], state: AlertState, **values: Any) -> None:
    connection.execute(
        update(alert_states)
        .where(alert_states.c.name == row.name)
        .values(version=row.version + 1, **state_values(state), **values)
    )
