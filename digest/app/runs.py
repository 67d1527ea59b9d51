"""Running an order: build what is not planned yet, send what is not sent yet, say what happened."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from digest import pipeline, report
from digest.app import ledger
from digest.app.clock import clock_from
from digest.app.making import Maker, Terms, mailing_of, warnings_of
from digest.app.orders import wanted
from digest.app.parts import Sources
from digest.app.trouble import send_left, tell_operator
from digest.core.content import DeliveryKind, DeliveryState
from digest.core.outbox import OPEN, Delivery
from digest.errors import DigestError, PutOffError, StoreError
from digest.outbox.stopping import Stop
from digest.store import upkeep
from digest.store.reading import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from digest.app.orders import Order
    from digest.config.models import Config
    from digest.core.content import DeliveryKey
    from digest.core.periods import Period
    from digest.outbox.handover import Sends
    from digest.pipeline import Built, Job, RunResult
    from digest.store.opened import Store
    from digest.store.rows import Run

    Progress = Callable[[str, int, int], None]

logger = logging.getLogger(__name__)


def run(
    config: Config, order: Order, progress: Progress, stop: Stop | None = None
) -> Iterator[RunResult]:
    """Bring the digests of an order to their readers; one result each, as soon as it is known.

    A period that was planned before is not built again: what is left of it is sent. What happens
    to one digest never stops the next. After the last one the operator is told what ended badly.

    Raises UsageError for a digest that isn't there, a period of the wrong kind and a `to` that
    no channel takes, before anything is fetched; StoreError when there is no ledger to use.
    """
    clock = clock_from(order.now)
    now = clock()
    jobs = [wanted(config, name, order, now) for name in dict.fromkeys(order.names)]
    stop = stop or Stop()
    with Sources(config) as sources:
        works = _Works(
            config=config,
            order=order,
            sources=sources,
            now=now,
            progress=progress,
            maker=Maker.of(config),
        )
        if order.dry_run:
            for job, period in jobs:
                yield works.dry(job, period)
            return
        with ledger.open_sender(config, f"digest run {' '.join(order.names)}", clock) as store:
            sender = ledger.sender(config, store, stop, clock, progress)
            for job, period in jobs:
                yield works.run(job, period, store, sender)
            if not stop.asked and not store.handed_over:
                _afterwards(config, store, sender)


def _afterwards(config: Config, store: Store, sender: Sends) -> None:
    """Send what older runs left, tell the operator, and purge.

    Trouble with that must not hide what became of the runs.
    """
    try:
        send_left(store, sender)
        tell_operator(config, store, sender)
        before = sender.clock() - config.delivery.retention
        upkeep.purge_when_due(store.writer, before, sender.clock())
    except StoreError as error:
        logger.error("%s", error, extra={"action": "operator_not_told"})  # noqa: TRY400 — said


@dataclass(frozen=True, slots=True, kw_only=True)
class _Works:
    """What the runs of one order share."""

    config: Config
    order: Order
    sources: Sources
    now: datetime
    progress: Progress
    maker: Maker

    def dry(self, job: Job, period: Period) -> RunResult:
        """Build everything and say who would get it."""
        result = pipeline.RunResult(job=job.name, period=period.label)
        try:
            built = self._build(job, period, None)
        except DigestError as error:
            return replace(result, error=error)
        except Exception as error:  # noqa: BLE001 — one digest's defect must not stop the next
            return replace(result, error=_defect(error, job.name))
        mailing = mailing_of(built, "dry-run", self._terms(self.now, timedelta(), None))
        planned = tuple(_planned(envelope.key, at=self.now) for envelope in mailing.envelopes())
        return replace(result, deliveries=planned, warnings=warnings_of(built), dry=True)

    def run(self, job: Job, period: Period, store: Store, sender: Sends) -> RunResult:
        """Plan it if it is new, send what is left."""
        result = pipeline.RunResult(job=job.name, period=period.label)
        known = store.ledger.run(job.name, self._kind, period.label)
        if sender.stop.asked:
            return replace(result, error=PutOffError("digest was told to stop; run it again"))
        error: DigestError | None = None
        before = False
        try:
            fresh = known is None or self.order.force or self._kind is DeliveryKind.TEST
            planned = self._plan(job, period, store, sender, known) if fresh else known
            assert planned is not None  # noqa: S101 — what is not fresh is known
            scope = Scope(runs=(planned.row,), early=True)
            before = not (fresh or store.ledger.deliveries(scope, OPEN))
            if not before:
                sender.send(scope)
        except DigestError as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001 — as above
            error = _defect(caught, job.name)
        if error is not None and not isinstance(error, StoreError):
            return replace(result, error=error)
        made = store.ledger.run(job.name, self._kind, period.label)
        if made is None:
            return replace(result, error=error)
        held = tuple(store.ledger.deliveries(Scope(runs=(made.row,))))
        waits = {one.key.channel for one in held if one.state in OPEN}
        return replace(
            result,
            deliveries=held,
            error=error,
            warnings=made.warnings,
            before=before,
            stuck=tuple(
                hold.channel
                for hold in store.ledger.holds()
                if hold.channel in waits and not hold.passing
            ),
        )

    @property
    def _kind(self) -> DeliveryKind:
        return DeliveryKind.DIGEST if self.order.to is None else DeliveryKind.TEST

    def _plan(
        self, job: Job, period: Period, store: Store, sender: Sends, known: Run | None
    ) -> Run:
        self._refuse_untrusted(job, period, store, known)
        built = self._build(job, period, store)
        for sentence in built.troubles:
            store.troubles.begin(f"template {job.name}", sentence, sender.clock())
        lateness = ledger.lateness(self.config, self.config.digests[job.name])
        terms = self._terms(sender.clock(), lateness, known)
        planned = self.maker.plan(built, store.ledger, sender.channel, terms)
        if planned is not None:
            return planned
        other = store.ledger.run(job.name, self._kind, period.label)
        assert other is not None  # noqa: S101 — another process has just planned it
        return other

    def _terms(self, now: datetime, lateness: timedelta, known: Run | None) -> Terms:
        return Terms(
            kind=self._kind, now=now, date=self.now, deadline=now + lateness, supersedes=known
        )

    def _refuse_untrusted(self, job: Job, period: Period, store: Store, known: Run | None) -> None:
        """After an older ledger was put back, nobody knows what was sent before that."""
        since = store.restored_at
        if known is not None or since is None or self.order.force or self.order.to is not None:
            return
        if report.settled_at(period, job.spec.settle) < since:
            raise DigestError(
                f"an older ledger was put back on {since:%Y-%m-%d}, so it is not known whether "
                f"{period.label} was sent; --force sends it"
            )

    def _build(self, job: Job, period: Period, store: Store | None) -> Built:
        return self.maker.build(
            job,
            period,
            source=self.sources.of(job.spec.app),
            now=self.now,
            progress=self.progress,
            finds=store.ledger if store is not None else None,
            alerts=store,
        )


def _planned(key: DeliveryKey, *, at: datetime) -> Delivery:
    """How a dry run shows what it would plan."""
    return Delivery(
        row=0,
        run=0,
        key=key,
        state=DeliveryState.PLANNED,
        fence=0,
        attempts=0,
        uncertain=0,
        looks=0,
        small=False,
        reference=None,
        place=None,
        last_error="",
        remarks=(),
        due_at=None,
        armed_at=None,
        deadline=at,
        updated_at=at,
    )


def _defect(error: Exception, job: str) -> DigestError:
    logger.debug("%s broke here", job, exc_info=error)
    return DigestError(f"internal error ({type(error).__name__}); this is a defect of digest")
