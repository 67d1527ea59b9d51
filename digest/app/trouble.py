"""Telling the operator, once, what ended badly: over a channel that is not the broken one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.app.notice import notice
from digest.core.content import DeliveryKind, DeliveryState
from digest.outbox.planning import Mailing, frozen
from digest.store.planned import NewRun, Told
from digest.store.reading import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digest.config.models import Config
    from digest.core.agenda import Due
    from digest.core.outbox import Delivery
    from digest.outbox.handover import Sends
    from digest.store.opened import Store
    from digest.store.rows import Hold
    from digest.store.troubles import OwnTrouble

_JOB = "ops"
_TRIED_FOR = timedelta(hours=72)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What nobody was told of yet.

    Deliveries that ended badly, channels in trouble, periods that were missed or left out, and
    digest's own troubles.
    """

    deliveries: tuple[Delivery, ...] = ()
    holds: tuple[Hold, ...] = ()
    dues: tuple[Due, ...] = ()
    own: tuple[OwnTrouble, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.deliveries or self.holds or self.dues or self.own)

    @property
    def broken(self) -> frozenset[str]:
        """The channels that a notice should not go through."""
        dead = {one.key.channel for one in self.deliveries if one.state is DeliveryState.DEAD}
        return frozenset(dead | {hold.channel for hold in self.holds})


def tell_operator(config: Config, store: Store, sender: Sends) -> None:
    """Plan and send one notice about everything that is untold, if there is anything."""
    plan_notice(config, store, sender)
    send_left(store, sender)


def plan_notice(config: Config, store: Store, sender: Sends) -> Trouble:
    """Plan one notice about everything that is untold; gives what it is about.

    That it was told is written in the transaction that plans the notice, so it is told once.
    """
    trouble = untold(store)
    if not (config.ops and trouble):
        return Trouble()
    ledger, now = store.ledger, sender.clock()
    period = now.date().isoformat()
    known = ledger.run(_JOB, DeliveryKind.OPS, period)
    new = NewRun(
        job=_JOB,
        kind=DeliveryKind.OPS,
        period=period,
        app="",
        planned_at=now,
        deadline=now + _TRIED_FOR,
        generation=0 if known is None else known.generation + 1,
    )
    mailing = Mailing(
        install=ledger.install,
        job=_JOB,
        kind=DeliveryKind.OPS,
        period=period,
        generation=new.generation,
        content=notice(trouble.deliveries, trouble.holds, trouble.dues, trouble.own),
        date=now,
        to=routes(config.ops, trouble.broken | _held(ledger.holds())),
    )
    told = Told(
        deliveries=[one.row for one in trouble.deliveries],
        dues=[one.row for one in trouble.dues],
        channels=[hold.channel for hold in trouble.holds],
        troubles=[one.name for one in trouble.own],
    )
    ledger.plan(new, frozen(mailing, sender.channel), told=told)
    return trouble


def untold(store: Store) -> Trouble:
    """Everything that the operator was not told of."""
    return Trouble(
        deliveries=tuple(store.ledger.untold()),
        holds=tuple(hold for hold in store.ledger.holds() if _is_news(hold)),
        dues=tuple(store.agenda.untold()),
        own=tuple(one for one in store.troubles.now() if not one.reported),
    )


def send_left(store: Store, sender: Sends) -> None:
    """Whatever earlier runs and notices left, whose time has come, whoever began it."""
    if left := store.ledger.open_runs():
        sender.send(Scope(runs=left))


def _is_news(hold: Hold) -> bool:
    """Trouble that can pass is told when it has not passed by itself."""
    return not hold.reported and (not hold.passing or hold.times > 1)


def _held(holds: Sequence[Hold]) -> frozenset[str]:
    return frozenset(hold.channel for hold in holds)


def routes(
    ops: Mapping[str, tuple[str, ...]], broken: frozenset[str]
) -> Mapping[str, tuple[str, ...]]:
    """Where a notice goes: over every channel of `ops` that is not broken, if there is one."""
    working = {name: to for name, to in ops.items() if name not in broken}
    return working or ops
