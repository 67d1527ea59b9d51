"""Alembic's scripts: how a ledger of an older digest becomes one of ours."""
