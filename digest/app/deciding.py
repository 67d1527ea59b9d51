"""What a person does with the ledger: look, resend, resolve, purge, back up, accept an old one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.app import ledger, utc_now
from digest.app.parts import place_of
from digest.app.silencing import standings_in
from digest.core.content import DeliveryKind, DeliveryState
from digest.core.outbox import MOVES, NEEDS_PERSON, OPEN, Decision
from digest.errors import StateRefusedError, UsageError
from digest.store import sqlite, upkeep
from digest.store.opening import accept_older_database
from digest.store.reading import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from digest.app.silencing import Standing
    from digest.config.models import Config
    from digest.core.agenda import Due
    from digest.core.content import DeliveryKey
    from digest.core.outbox import Delivery
    from digest.outbox.stopping import Stop
    from digest.store.opened import Store
    from digest.store.reading import Reading
    from digest.store.rows import Hold, Run
    from digest.store.troubles import OwnTrouble

_TRIED_FOR = timedelta(hours=72)
_SHORTEST_ID = 4
_RUNS_SHOWN = 20


class Verdict(StrEnum):
    """What a person says of a delivery."""

    SENT = "sent"
    RESEND = "resend"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """A run and how many of its deliveries are in each state."""

    run: Run
    counts: dict[DeliveryState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The ledger at a glance. `ok` unless something needs a person.

    `missed` are the newest periods of digests that could not be built in time, `waiting` those
    that are due and not built yet, `troubles` digest's own. That an alert fires is no trouble of
    digest's.
    """

    runs: tuple[RunStatus, ...] = ()
    missed: tuple[Due, ...] = ()
    waiting: tuple[Due, ...] = ()
    troubles: tuple[OwnTrouble, ...] = ()
    counts: dict[DeliveryState, int]
    holds: tuple[Hold, ...] = ()
    alerts: tuple[Standing, ...] = ()
    needs_person: tuple[Delivery, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing needs a person."""
        return not (self.needs_person or self.missed) and all(h.passing for h in self.holds)


def status(config: Config) -> Status:
    """How things stand. Raises StateRefusedError when the ledger can't be read."""
    now = utc_now()
    with ledger.reading(config) as found:
        if found is None:
            return Status(counts={}, alerts=tuple(standings_in(config, None, now)))
        return Status(
            runs=tuple(
                RunStatus(run=run, counts=found.counts(run.row))
                for run in found.latest_runs(_RUNS_SHOWN)
            ),
            counts=found.counts(),
            holds=tuple(found.holds()),
            alerts=tuple(standings_in(config, found.alerts, now)),
            needs_person=tuple(found.needing_person()),
            missed=tuple(found.agenda.missed()),
            waiting=tuple(found.agenda.waiting()),
            troubles=tuple(found.troubles.now()),
        )


def listed(config: Config, *, failed: bool, most: int | None) -> list[Delivery]:
    """Deliveries, newest first: all, or only those that ended badly."""
    with ledger.reading(config) as found:
        if found is None:
            return []
        kept: list[Delivery] = []
        for held in found.needing_person() if failed else found.all_deliveries():
            kept.append(held)
            if most is not None and len(kept) >= most:
                break
        return kept


def resend(config: Config, ids: Sequence[str], *, failed: bool, stop: Stop) -> tuple[Delivery, ...]:
    """Send these again, or all that ended badly, each as a new generation; gives the new ones.

    Raises UsageError for an id that isn't there, and for one that digest still works on.
    """
    with ledger.open_sender(config, "digest deliveries resend", utc_now) as store:
        chosen = list(store.ledger.needing_person()) if failed else []
        chosen += [one(store.ledger, beginning) for beginning in dict.fromkeys(ids)]
        for held in chosen:
            if held.state in OPEN:
                raise UsageError(f"{held.key.digest[:8]} is {held.state}: {_ending(held.key)}")
        return _send_again(config, store, chosen, stop)


def _ending(key: DeliveryKey) -> str:
    """What brings an open delivery to its end."""
    if key.kind is DeliveryKind.DIGEST:
        return f"digest run {key.job} --period {key.period} brings it to an end"
    return "digest serve, or digest run --due, brings it to an end"


def _send_again(
    config: Config, store: Store, chosen: Sequence[Delivery], stop: Stop
) -> tuple[Delivery, ...]:
    now = utc_now()
    rows = store.writer.do(
        lambda batch: upkeep.resend(batch, chosen, deadline=now + _TRIED_FOR, now=now)
    )
    return _send(config, store, {held.run for held in chosen}, rows, stop)


def _send(
    config: Config, store: Store, runs: Iterable[int], rows: Iterable[int], stop: Stop
) -> tuple[Delivery, ...]:
    scope = Scope(runs=tuple(runs), rows=frozenset(rows), early=True)
    ledger.sender(config, store, stop, utc_now).send(scope)
    return tuple(store.ledger.deliveries(scope))


def resolve(config: Config, beginning: str, verdict: Verdict, stop: Stop) -> Delivery:
    """Do what a person says with a delivery that needs one; gives it as it is then.

    Raises UsageError when that can't be said of it.
    """
    if verdict is not Verdict.RESEND:
        return _decide(config, beginning, verdict)
    with ledger.open_sender(config, "digest deliveries resolve", utc_now) as store:
        held = one(store.ledger, beginning)
        if held.state in {DeliveryState.FAILED, DeliveryState.DEAD}:
            (again,) = _send_again(config, store, [held], stop)
            return again
        said = Decision(state=DeliveryState.PLANNED, reason="a person said: send it again")
        _move(store, held, said)
        (sent,) = _send(config, store, [held.run], [held.row], stop)
        return sent


def _decide(config: Config, beginning: str, verdict: Verdict) -> Delivery:
    store = ledger.open_deciding(config, utc_now)
    if store is None:
        raise UsageError("nothing was sent yet, so there is nothing to resolve")
    with store:
        held = one(store.ledger, beginning)
        state = DeliveryState.SENT if verdict is Verdict.SENT else DeliveryState.SKIPPED
        reason = (
            "a person said that it arrived" if verdict is Verdict.SENT else "a person let it be"
        )
        _move(store, held, Decision(state=state, reason=reason))
        return one(store.ledger, held.key.digest)


def _move(store: Store, held: Delivery, decision: Decision) -> None:
    short = held.key.digest[:8]
    waits = held.state in {*NEEDS_PERSON, DeliveryState.UNCERTAIN}
    if not waits or decision.state not in MOVES[held.state]:
        raise UsageError(f"{short} is {held.state}; that can't be said of it")
    found = (
        {"reference": held.reference, "place": held.place, "remarks": None}
        if decision.state is DeliveryState.SENT
        else {}
    )
    if not store.ledger.resolve(held, decision, **found):
        raise UsageError(f"{short} was moved by another process meanwhile; look again")


def one(ledger_: Reading, beginning: str) -> Delivery:
    """The one delivery whose id begins like this. Raises UsageError."""
    if len(beginning) < _SHORTEST_ID or not beginning.isalnum():
        raise UsageError(f"{beginning!r} is not an id; digest deliveries lists them")
    found = ledger_.found(beginning)
    if not found:
        raise UsageError(f"there is no delivery {beginning}; digest deliveries lists them")
    if len(found) > 1:
        raise UsageError(f"{beginning} is the beginning of several ids; give more of it")
    return found[0]


def purge(config: Config) -> int:
    """Delete what ended longer ago than `delivery.retention`; gives how many deliveries."""
    with ledger.open_sender(config, "digest purge", utc_now) as store:
        return upkeep.purge(store.writer, utc_now() - config.delivery.retention)


def backup(config: Config, to: Path) -> tuple[Path, int]:
    """A consistent copy of the ledger, also while digest runs; gives it and its bytes.

    Raises UsageError when it can't be written there, StateRefusedError when there is none.
    """
    place = place_of(config)
    if place.path is None:
        raise UsageError("a ledger on PostgreSQL is backed up with PostgreSQL's own pg_dump")
    if not place.path.exists():
        raise StateRefusedError(f"there is no ledger {place.path} yet")
    with ledger.reading(config):  # so that no damaged one is copied over a good copy
        pass
    target = to / place.path.name if to.is_dir() else to
    try:
        return target, sqlite.copy(place.path, target)
    except OSError as error:
        raise UsageError(f"{target} can't be written: {error.strerror}") from None


def recover(config: Config) -> int:
    """Go on with an older ledger, or a new one; gives how many deliveries are held for it."""
    return accept_older_database(place_of(config), clock=utc_now)
