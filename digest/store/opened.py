"""A ledger that is open, with its parts."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from sqlalchemy.exc import DBAPIError

from digest.store import failures
from digest.store.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

    from digest.store.agenda import Agenda
    from digest.store.alerts import Alerts
    from digest.store.ledger import Ledger
    from digest.store.places import StatePlace
    from digest.store.troubles import Troubles
    from digest.store.writer import Writer


@dataclass(slots=True, kw_only=True)
class Store:
    """An open ledger. `recovered` is how many deliveries a dead process had left behind.

    `handed_over` says that a daemon beside us does the sending.
    `restored_at` is until when nobody knows what was sent, because an older copy was put back.
    `alive` says whether our deliveries are still ours, as far as we can tell. `recover_dead`
    settles what processes had that have died since, where there can be several.
    """

    engine: Engine
    writer: Writer
    ledger: Ledger
    agenda: Agenda
    alerts: Alerts
    troubles: Troubles
    place: StatePlace
    recovered: int = 0
    handed_over: bool = False
    restored_at: datetime | None = None
    alive: Callable[[], bool] = lambda: True
    recover_dead: Callable[[], int] = lambda: 0
    witness: Witness = field(init=False)
    closing: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.witness = Witness(self.engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.close()
        if isinstance(error, DBAPIError):
            raise failures.when_reading(error, self.place.shown) from None

    def changed(self) -> bool:
        """Whether anything was written since the last call, by whomever; cheap on SQLite."""
        return self.witness.changed()

    def close(self) -> None:
        """Write what is left to write, then let the next one in."""
        self.witness.close()
        self.closing.close()
