"""Ledgers in a temporary folder, deliveries, and channels that do what a test says."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from digest.core.content import (
    DeliveryKey,
    DeliveryKind,
    DeliveryState,
    Frozen,
    Look,
    Outcome,
    Parcel,
    Sighting,
)
from digest.core.outbox import Delivery
from digest.errors import NotArmedError
from digest.outbox.sending import Rules, Sender
from digest.outbox.stopping import Stop
from digest.store.opening import open_sender
from digest.store.places import StatePlace
from digest.store.planned import NewRun
from digest.store.reading import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from digest.core.content import Envelope, Passage
    from digest.store.opened import Store
    from digest.store.rows import Run

Result = TypeVar("Result")

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(slots=True)
class Clock:
    """Wall and monotonic time that only a test moves."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def go(self, **time_: float) -> None:
        self.now += timedelta(**time_)


def key(
    recipient: str = "ana@example.com", *, install: str = "digest", **fields: Any
) -> DeliveryKey:
    usual: dict[str, Any] = {
        "job": "monday-email",
        "kind": DeliveryKind.DIGEST,
        "period": "2026-W47",
        "channel": "mail",
    }
    return DeliveryKey(install=install, recipient=recipient, **{**usual, **fields})


def delivery(
    state: DeliveryState = DeliveryState.PLANNED,
    *,
    recipient: str = "ana@example.com",
    **fields: Any,
) -> Delivery:
    """A delivery as the ledger would give it."""
    usual: dict[str, Any] = {
        "row": 1,
        "run": 1,
        "key": key(recipient),
        "fence": 1,
        "attempts": 0,
        "uncertain": 0,
        "looks": 0,
        "small": False,
        "reference": None,
        "place": None,
        "last_error": "",
        "remarks": (),
        "due_at": None,
        "armed_at": None,
        "deadline": NOW + DAY,
        "updated_at": NOW,
    }
    return Delivery(state=state, **{**usual, **fields})


@contextmanager
def opened(
    folder: Path, clock: Callable[[], datetime] | None = None, *, url: str = ""
) -> Iterator[Store]:
    """A ledger of our own: SQLite in the folder, or PostgreSQL at a URL."""
    place = StatePlace(url=url) if url else StatePlace(path=folder / "digest.db")
    with open_sender(place, command="a test", clock=clock or Clock()) as store:
        yield store


def new_run(**fields: Any) -> NewRun:
    usual: dict[str, Any] = {
        "job": "monday-email",
        "kind": DeliveryKind.DIGEST,
        "period": "2026-W47",
        "app": "shop",
        "planned_at": NOW,
        "deadline": NOW + DAY,
    }
    return NewRun(**{**usual, **fields})


def plan(
    store: Store,
    *recipients: str,
    channel: str = "mail",
    document: bytes = b"the digest",
    **fields: Any,
) -> Run:
    """Plan a run with a delivery for each recipient."""
    new = new_run(**fields)
    batch = [
        (
            key(
                recipient,
                install=store.ledger.install,
                job=new.job,
                kind=new.kind,
                period=new.period,
                channel=channel,
                generation=new.generation,
            ),
            Frozen(document=document, head=recipient.encode()),
        )
        for recipient in recipients or ("ana@example.com",)
    ]
    planned = store.ledger.plan(new, batch)
    assert planned is not None
    return planned


def scope(run: Run, *, early: bool = False) -> Scope:
    return Scope(runs=(run.row,), early=early)


def states(store: Store, run: Run) -> dict[str, str]:
    """Recipient → state."""
    return {
        one.key.recipient: str(one.state) for one in store.ledger.deliveries(Scope(runs=(run.row,)))
    }


def only(store: Store, run: Run) -> Delivery:
    """The one delivery of a run."""
    (held,) = store.ledger.deliveries(Scope(runs=(run.row,)))
    return held


def written(store: Store, asked: Future[Result]) -> Result:
    """What was asked of the ledger, once it is on the disk; without waiting for company."""
    store.writer.do(lambda _batch: None)
    return asked.result()


@dataclass(slots=True)
class Post:
    """A channel whose answers a test scripts: recipient → outcomes, one for each try.

    With no outcomes left it takes everything. `accepted` is what it took, also when its answer
    was lost (`UNCERTAIN` with detail `taken`). `visits` counts the logins, `looked` the looks.
    """

    name: str = "mail"
    script: dict[str, list[Outcome]] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)
    accepted: list[Parcel] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    looked: list[Parcel] = field(default_factory=list)
    visits: int = 0
    on_begin: Callable[[Parcel], object] | None = None
    on_arm: Callable[[Parcel], object] | None = None
    on_taken: Callable[[Parcel], object] | None = None

    def freeze(self, envelope: Envelope) -> Frozen:
        return Frozen(document=b"the digest", head=envelope.recipient.encode())

    def deliver(self, passage: Passage) -> None:
        self.visits += 1
        while (parcel := passage.take()) is not None:
            try:
                passage.settle(parcel, self._try(passage, parcel))
            except NotArmedError as error:
                refused = Outcome(state=DeliveryState.RETRY_WAIT, detail=str(error))
                passage.settle(parcel, refused)

    def _try(self, passage: Passage, parcel: Parcel) -> Outcome:
        outcome = (
            self.script.get(parcel.key.recipient) or [Outcome(state=DeliveryState.SENT)]
        ).pop(0)
        if outcome.fault:
            return outcome
        self.tried.append(parcel.key.recipient)
        passage.begin(parcel)
        if self.on_begin is not None:
            self.on_begin(parcel)
        if outcome.state is DeliveryState.RETRY_WAIT and outcome.code.startswith("rcpt"):
            return outcome
        passage.arm(parcel)
        if self.on_arm is not None:
            self.on_arm(parcel)
        if not passage.still_fresh(parcel):
            return Outcome(state=DeliveryState.RETRY_WAIT, detail="stale")
        if outcome.state is DeliveryState.SENT or outcome.detail == "taken":
            self.accepted.append(parcel)
            if self.on_taken is not None:
                self.on_taken(parcel)
        return outcome

    def look(self, parcel: Parcel) -> Look:
        self.looked.append(parcel)
        return self.looks.pop(0) if self.looks else Look(sighting=Sighting.UNKNOWN)

    def probe(self) -> str:
        return "well"


def sender(
    store: Store,
    clock: Clock,
    channels: Iterable[Any] = (),
    *,
    stop: Stop | None = None,
    **rules: Any,
) -> Sender:
    """What sends through these channels."""
    known: Mapping[str, Any] = {channel.name: channel for channel in channels}
    return Sender(
        store=store,
        open_channel=known.__getitem__,
        rules=replace(Rules(wanted=lambda _held: True), **rules),
        stop=stop or Stop(),
        clock=clock,
        monotonic=time.monotonic,
    )


SENT = Outcome(state=DeliveryState.SENT)
LOST = Outcome(state=DeliveryState.UNCERTAIN, detail="taken")
LOST_AND_NOT_TAKEN = Outcome(state=DeliveryState.UNCERTAIN, detail="no answer")
REFUSED = Outcome(state=DeliveryState.FAILED, detail="550 no such user", code="550")
LATER = Outcome(state=DeliveryState.RETRY_WAIT, detail="451 greylisted", code="451")
DOWN = Outcome(state=DeliveryState.RETRY_WAIT, detail="the server is down", fault=True)
LOCKED_OUT = Outcome(
    state=DeliveryState.RETRY_WAIT, detail="535 wrong password", fault=True, passing=False
)
