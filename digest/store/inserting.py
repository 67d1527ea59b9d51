"""INSERT that leaves alone what is there already, in both databases' words, and in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection, Table

AT_ONCE = 100
"""Rows of one statement, so that memory does not grow with their number."""


def insert_new(connection: Connection, table: Table) -> Any:
    """`INSERT … ON CONFLICT DO NOTHING`; whether it did is seen by what it returns."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415 — one of the two

        return insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects.sqlite import insert as insert_sqlite  # noqa: PLC0415 — as above

    return insert_sqlite(table).on_conflict_do_nothing()


def in_pieces(items: Iterable[Any], size: int = AT_ONCE) -> Iterator[list[Any]]:
    """The items in lists of at most `size`."""
    piece: list[Any] = []
    for item in items:
        piece.append(item)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece
