"""What the ledger keeps of alerts. The first table of their states was never written to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from digest.core.steps import Step, reached

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# SQLite gives only an INTEGER primary key its own row number.
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make their tables."""
    op.drop_table("alert_states")
    op.create_table(
        "alert_states",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("app", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("bucket", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    reached(Step.MIGRATE_MID)
    op.create_table(
        "alert_episodes",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("alert", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("app", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("fired_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("worst", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run_job", sa.String(length=64), nullable=True),
        sa.Column("run_period", sa.String(length=40), nullable=True),
        sa.Column("held", sa.Text(), nullable=True),
        sa.Column("flapping", sa.Boolean(), nullable=False),
        sa.Column("notices", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("alert", "number", name="one_episode_a_number"),
    )
    op.create_index("episodes_since", "alert_episodes", ["since"], unique=False)
    op.create_table(
        "alert_days",
        sa.Column("alert", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("breaches", sa.Integer(), nullable=False),
        sa.Column("too_few", sa.Integer(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("lowest", sa.Float(), nullable=True),
        sa.Column("highest", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("alert", "day"),
    )
    op.create_table(
        "silences",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("alert", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("runs_by_kind", "runs", ["kind", "planned_at"], unique=False)
