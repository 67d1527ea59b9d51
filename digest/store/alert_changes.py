"""Writing what a look of an alert came to: its state, its episodes, its day.

Each function runs inside a transaction of the writer's. The state comes first: whoever could swap
it has the rule to itself until that transaction ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, or_, select, update

from digest.core.alert_model import AlertState, Look, Phase, Seen, Verdict, VerdictKind
from digest.store.alert_rows import text_of
from digest.store.alert_tables import alert_days, alert_episodes, alert_states
from digest.store.inserting import insert_new

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChange:
    """What one look of a rule changes.

    `version` is that of the state it was judged by, None where the ledger had none. `state` is the
    new one, `at` the instant of the look. `verdict` and `look` are None for a look that failed.
    `told_by` is the job and period of the run that says it, where something is said.
    """

    name: str
    app: str
    severity: str
    version: int | None
    state: AlertState
    at: datetime
    verdict: Verdict | None = None
    look: Look | None = None
    told_by: tuple[str, str] | None = None
    flapping: bool = False


def swapped(connection: Connection, change: AlertChange, now: datetime) -> bool:
    """Write the new state; False when it is not any more the one that was judged by."""
    values = {**state_values(change.state), "app": change.app, "looked_at": now}
    if change.version is None:
        new = insert_new(connection, alert_states).values(name=change.name, version=1, **values)
        return connection.execute(new.returning(alert_states.c.name)).first() is not None
    same = (alert_states.c.name == change.name, alert_states.c.version == change.version)
    values["version"] = change.version + 1
    return bool(connection.execute(update(alert_states).where(*same).values(**values)).rowcount)


def state_values(state: AlertState) -> dict[str, Any]:
    """The columns that a state fills."""
    return {
        "state": state.phase,
        "since": state.since,
        "value": state.value,
        "bucket": state.bucket,
        "data": text_of(state),
    }


def note(connection: Connection, change: AlertChange) -> None:
    """Write what the look showed into the rule's episodes and into its day."""
    if change.verdict is None or change.look is None:
        return
    if change.verdict.ended:
        _end(connection, change, change.verdict, change.look)
    if change.verdict.began:
        _begin(connection, change, change.look)
    if change.state.phase is Phase.FIRING:
        _go_on(connection, change, change.verdict, change.look)
    if change.told_by is not None:
        _tell(connection, change, change.verdict, *change.told_by)
    _count(connection, change.name, change.look)


def _end(connection: Connection, change: AlertChange, verdict: Verdict, look: Look) -> None:
    held = change.state.held or verdict.held
    over = [alert_episodes.c.alert == change.name, alert_episodes.c.ended_at.is_(None)]
    if verdict.began:
        over.append(alert_episodes.c.number != change.state.episode)
    connection.execute(
        update(alert_episodes).where(*over).values(ended_at=change.state.since or look.begins_at)
    )
    if held is not None:
        untold = (alert_episodes.c.run_job.is_(None), alert_episodes.c.held.is_(None))
        ended = (alert_episodes.c.alert == change.name, alert_episodes.c.ended_at.is_not(None))
        connection.execute(update(alert_episodes).where(*ended, *untold).values(held=held.why))


def _begin(connection: Connection, change: AlertChange, look: Look) -> None:
    """An episode of its own, or the same again when readers have not heard that it was over."""
    again = update(alert_episodes).where(_present(change)).values(ended_at=None)
    if connection.execute(again).rowcount:
        return
    state = change.state
    connection.execute(
        insert(alert_episodes).values(
            alert=change.name,
            number=state.episode,
            app=change.app,
            severity=change.severity,
            since=state.episode_since or look.begins_at,
            fired_at=change.at,
            ended_at=None,
            value=look.value,
            worst=state.worst,
            reason=look.reason,
            run_job=None,
            run_period=None,
            held=None,
            flapping=False,
            notices=0,
        )
    )


def _go_on(connection: Connection, change: AlertChange, verdict: Verdict, look: Look) -> None:
    values: dict[str, Any] = {"worst": change.state.worst, "severity": change.severity}
    if look.value is not None and look.seen is not Seen.TOO_FEW:
        values["value"] = look.value
    if change.flapping:
        values["flapping"] = True
    if verdict.hush is not None and change.state.told is None:
        values["held"] = verdict.hush.reason
    connection.execute(update(alert_episodes).where(_present(change)).values(**values))


def _tell(
    connection: Connection, change: AlertChange, verdict: Verdict, job: str, period: str
) -> None:
    about: list[ColumnElement[bool]] = []
    if verdict.kind is VerdictKind.FIRE:
        about.append(alert_episodes.c.number == change.state.episode)
    elif verdict.kind in {VerdictKind.REPEAT, VerdictKind.RESOLVE} and verdict.told is not None:
        about.append(alert_episodes.c.number == verdict.told.episode)
    if verdict.held is not None:
        untold = alert_episodes.c.run_job.is_(None) & alert_episodes.c.ended_at.is_not(None)
        about.append(untold & (alert_episodes.c.since >= verdict.held.since))
    if not about:
        return
    first = func.coalesce(alert_episodes.c.run_job, job)
    connection.execute(
        update(alert_episodes)
        .where(alert_episodes.c.alert == change.name, or_(*about))
        .values(
            run_job=first,
            run_period=func.coalesce(alert_episodes.c.run_period, period),
            notices=alert_episodes.c.notices + 1,
        )
    )


def _present(change: AlertChange) -> ColumnElement[bool]:
    """The rule's newest episode."""
    mine = alert_episodes.c.alert == change.name
    return mine & (alert_episodes.c.number == change.state.episode)


def _count(connection: Connection, alert: str, look: Look) -> None:
    """Add a look to the UTC day at which its bucket begins."""
    day = look.begins_at.astimezone(UTC).date().isoformat()
    this = (alert_days.c.alert == alert, alert_days.c.day == day)
    known = connection.execute(select(alert_days).where(*this)).first()
    judged = look.seen not in {Seen.TOO_FEW, Seen.MISSING}
    seen = [look.value] if judged and look.value is not None else []
    if known is None:
        counts = dict.fromkeys(("looks", "breaches", "too_few", "missing"), 0)
        bounds: list[list[float]] = [[], []]
    else:
        counts = {
            name: getattr(known, name) for name in ("looks", "breaches", "too_few", "missing")
        }
        bounds = [[one] if one is not None else [] for one in (known.lowest, known.highest)]
    values = {
        "looks": counts["looks"] + 1,
        "breaches": counts["breaches"] + (look.seen is Seen.BREACH),
        "too_few": counts["too_few"] + (look.seen is Seen.TOO_FEW),
        "missing": counts["missing"] + (look.seen is Seen.MISSING),
        "lowest": min(bounds[0] + seen, default=None),
        "highest": max(bounds[1] + seen, default=None),
    }
    if known is None:
        connection.execute(insert(alert_days).values(alert=alert, day=day, **values))
    else:
        connection.execute(update(alert_days).where(*this).values(**values))
