"""The tables of alerts: what is remembered of each rule, and what came of it."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from digest.store.columns import Instant, RowId, metadata

alert_states = Table(
    "alert_states",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("app", String(64), nullable=False),
    Column("state", String(10), nullable=False),
    Column("since", Instant),
    Column("value", Float),
    Column("bucket", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("looked_at", Instant),
    Column("data", Text, nullable=False),
)
"""Each rule's state, whole in `data`. Without `looked_at` the config has no such rule any more."""

alert_episodes = Table(
    "alert_episodes",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("alert", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("app", String(64), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("since", Instant, nullable=False),
    Column("fired_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("value", Float),
    Column("worst", Float),
    Column("reason", Text, nullable=False),
    Column("run_job", String(64)),
    Column("run_period", String(40)),
    Column("held", Text),
    Column("flapping", Boolean, nullable=False),
    Column("notices", Integer, nullable=False),
    UniqueConstraint("alert", "number", name="one_episode_a_number"),
)
"""Each time that a rule fired, until it was over; and the run that told of it, if any did."""

Index("episodes_since", alert_episodes.c.since)

alert_days = Table(
    "alert_days",
    metadata,
    Column("alert", String(64), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("looks", Integer, nullable=False),
    Column("breaches", Integer, nullable=False),
    Column("too_few", Integer, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("lowest", Float),
    Column("highest", Float),
)
"""What a rule has seen of each UTC day."""

silences = Table(
    "silences",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("alert", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("author", Text, nullable=False),
    Column("why", Text, nullable=False),
)
"""A person's word that an alert (`*`: every one) is not to be heard for a while."""
