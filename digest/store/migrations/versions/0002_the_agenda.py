"""What the daemon knows of time: job clocks, due periods, its own troubles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from digest.core.steps import Step, reached

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite gives only an INTEGER primary key its own row number.
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNFINISHED = sa.text("state <> 'planned'")


def upgrade() -> None:
    """Make their tables."""
    op.create_table(
        "job_clocks",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job"),
    )
    reached(Step.MIGRATE_MID)
    op.create_table(
        "dues",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("period", sa.String(length=40), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("local", sa.String(length=40), nullable=False),
        sa.Column("ready_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(length=32), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reported", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job", "period", name="due_once"),
    )
    op.create_index(
        "dues_unfinished",
        "dues",
        ["state"],
        unique=False,
        sqlite_where=UNFINISHED,
        postgresql_where=UNFINISHED,
    )
    op.create_table(
        "troubles",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("reported", sa.Boolean(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
