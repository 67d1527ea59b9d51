"""Which schema a database has, and bringing it to ours. Alembic is imported only to migrate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from digest.errors import StateRefusedError

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0003"
"""The newest revision in `migrations/versions`; a test holds it to that."""

KNOWN = ("0001", "0002", "0003")
"""All revisions, oldest first."""


def revision(connection: Connection) -> str | None:
    """The revision of the database; None for one that has no tables.

    Raises StateRefusedError for a database that is not digest's.
    """
    names = set(inspect(connection).get_table_names())
    if "alembic_version" in names and "deliveries" in names:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)
    if names:
        raise StateRefusedError("it has other tables than digest's")
    return None


def must_migrate(found: str | None) -> bool:
    """Whether a database of this revision is older than we are. Raises for a newer one."""
    if found is not None and found not in KNOWN:
        raise StateRefusedError(
            f"it was written by a newer digest (schema {found}); install that version again"
        )
    return found != HEAD


def migrate(connection: Connection) -> None:
    """Bring the database to our schema, inside the connection's transaction."""
    from alembic import command  # noqa: PLC0415 — only when there is something to do
    from alembic.config import Config  # noqa: PLC0415 — as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
