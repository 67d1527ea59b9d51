"""The tables. One row is one fact; a row's state changes only by compare-and-swap.

Those of alerts are in `alert_tables`.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from digest.store.alert_tables import alert_days, alert_episodes, alert_states, silences
from digest.store.columns import Instant, RowId, metadata

__all__ = [
    "alert_days",
    "alert_episodes",
    "alert_states",
    "attempts",
    "contents",
    "deliveries",
    "dues",
    "holds",
    "job_clocks",
    "meta",
    "metadata",
    "owners",
    "runs",
    "silences",
    "snapshots",
    "troubles",
]

meta = Table(
    "meta",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
"""`install` (this installation's id), `sent` (a count that only grows), `restored_at`."""

owners = Table(
    "owners",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("command", String(200), nullable=False),
    Column("since", Instant, nullable=False),
    Column("alive_until", Instant, nullable=False),
)
"""Processes that hold deliveries. On PostgreSQL one is dead when its time is over."""

runs = Table(
    "runs",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("job", String(64), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("period", String(40), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("app", String(64), nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("deadline", Instant, nullable=False),
    Column("warnings", Text, nullable=False),
    UniqueConstraint("job", "kind", "period", "generation", name="one_run_a_period"),
)

Index("runs_by_kind", runs.c.kind, runs.c.planned_at)

contents = Table(
    "contents",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("sha256", LargeBinary(32), nullable=False, unique=True),
    Column("data", LargeBinary, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("key", String(32), nullable=False, unique=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False, index=True),
    Column("channel", String(64), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("content_id", ForeignKey("contents.id"), nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("reference", Text),
    Column("place", Text),
    Column("remarks", Text),
    Column("state", String(10), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("owner", String(32)),
    Column("attempts", Integer, nullable=False),
    Column("uncertain", Integer, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("small", Boolean, nullable=False),
    Column("due_at", Instant),
    Column("armed_at", Instant),
    Column("updated_at", Instant, nullable=False),
    Column("reported", Boolean, nullable=False),
    Column("last_error", Text),
)

_UNFINISHED = text("state NOT IN ('sent', 'skipped')")

# Few rows are unfinished, whatever the age of the ledger; finding them must not grow with it.
Index(
    "unfinished",
    deliveries.c.state,
    sqlite_where=_UNFINISHED,
    postgresql_where=_UNFINISHED,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("before", String(10)),
    Column("after", String(10), nullable=False),
    Column("code", String(40)),
    Column("reason", Text),
)
"""The execution log: one row for every move of a delivery."""

holds = Table(
    "holds",
    metadata,
    Column("channel", String(64), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("times", Integer, nullable=False),
    Column("passing", Boolean, nullable=False),
    Column("reported", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
)
"""Channels whose server or account is in trouble; it ends with the next message that is taken."""

job_clocks = Table(
    "job_clocks",
    metadata,
    Column("job", String(64), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("schedule", Text, nullable=False),
)
"""Until when each job's schedule is accounted for, and which schedule that was."""

dues = Table(
    "dues",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("job", String(64), nullable=False),
    Column("period", String(40), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("local", String(40), nullable=False),
    Column("ready_at", Instant, nullable=False),
    Column("deadline", Instant, nullable=False),
    Column("state", String(10), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_try", Instant),
    Column("owner", String(32)),
    Column("claimed_until", Instant),
    Column("reason", Text),
    Column("reported", Boolean, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("job", "period", name="due_once"),
)
"""Each period of each job that became due, once, and what has become of it."""

_UNTOLD = text("state <> 'planned'")

Index("dues_unfinished", dues.c.state, sqlite_where=_UNTOLD, postgresql_where=_UNTOLD)

troubles = Table(
    "troubles",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Column("reported", Boolean, nullable=False),
    Column("sentence", Text, nullable=False),
)
"""digest's own troubles, each under a name. It stays for a while after its end (`until`)."""

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("app_id", String(100), nullable=False),
    Column("report", String(40), nullable=False),
    Column("what", String(40), nullable=False),
    Column("start", String(10), nullable=False),
    Column("end", String(10), nullable=False),
    Column("taken_at", Instant, nullable=False),
    Column("answer", Text, nullable=False),
    UniqueConstraint(
        "app_id", "report", "what", "start", "end", "taken_at", name="one_answer_an_instant"
    ),
)
"""Fetched reports as they came. `start` and `end` are UTC days, empty for all-time."""
