"""The terms by which the one who sends decides, so that a command beside it can compare its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from digest.store.tables import meta

if TYPE_CHECKING:
    from digest.store.opened import Store
    from digest.store.writer import Batch

_NAME = "terms"


def note(store: Store, terms: str) -> None:
    """Write down what the sender's config comes to, if it is not there yet."""
    if known(store) == terms:
        return

    def write(batch: Batch) -> None:
        batch.connection.execute(delete(meta).where(meta.c.name == _NAME))
        batch.connection.execute(insert(meta).values(name=_NAME, value=terms))

    store.writer.do(write)


def known(store: Store) -> str | None:
    """What was written down last; None where nothing was."""
    with store.engine.connect() as connection:
        return connection.execute(select(meta.c.value).where(meta.c.name == _NAME)).scalar()
