"""What the daemon would do now, done once: for people who have a timer and want no daemon."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from digest.app import ledger as ledgers
from digest.app.clock import clock_from
from digest.app.making import Maker
from digest.app.sources import LastingSources
from digest.app.trouble import tell_operator
from digest.core.agenda import GONE, DueState, is_over, is_sane, missed_because
from digest.core.outbox import OPEN
from digest.errors import DigestError, PutOffError, StateBusyError
from digest.pipeline import RunResult
from digest.service import accounting
from digest.service.alerts_once import look_once
from digest.service.judging import judged
from digest.service.making import DueMaker
from digest.store import upkeep
from digest.store.reading import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from digest.config.models import Config
    from digest.core.agenda import Due
    from digest.outbox.stopping import Stop
    from digest.store.opened import Store

    Progress = Callable[[str, int, int], None]

logger = logging.getLogger(__name__)


def run_due(
    config: Config, now: datetime | None, progress: Progress, stop: Stop
) -> Iterator[RunResult]:
    """Build what is due, send what waits, tell the operator; a result for each run it touched.

    The first call ever only begins to count: no past period is sent. Raises StateBusyError when
    digest serve is running, StoreError when the ledger can't be used.
    """
    clock = clock_from(now)
    with ledgers.open_sender(config, "digest run --due", clock) as store:
        if store.handed_over:
            raise StateBusyError("digest serve is running and does what is due")
        _note(config, store, clock())
        sender = ledgers.sender(config, store, stop, clock, progress)
        before = set(store.ledger.open_runs())
        sources = LastingSources(config)
        maker = DueMaker(
            config=config, store=store, sources=sources, clock=clock, maker=Maker.of(config)
        )
        errors = dict(_build(maker, progress, stop))
        alerts = [] if stop.asked else list(look_once(config, store, sources, clock))
        sources.close()
        touched = before | set(store.ledger.open_runs())
        sender.send(Scope(runs=None))
        for due, error in errors.items():
            if error is not None:
                yield RunResult(job=due.job, period=due.period, error=error)
        for name, said in alerts:
            yield RunResult(job=name, period="alert", error=said)
        for row in sorted(touched):
            result = _result(store, row)
            if result is not None:
                yield result
        if not stop.asked:
            tell_operator(config, store, sender)
            upkeep.purge_when_due(store.writer, clock() - config.delivery.retention, clock())


def _note(config: Config, store: Store, now: datetime) -> None:
    """Write down what has become due since the last time."""
    agenda, ledger = store.agenda, store.ledger
    latest = agenda.latest()
    if not is_sane(now, latest):
        raise PutOffError(
            f"the clock says {now:%Y-%m-%d %H:%M} UTC, and the ledger knows of later times; "
            "nothing is planned until it is right"
        )
    accounts = accounting.opened(
        config,
        agenda.clocks(),
        now,
        last_period=agenda.last_period,
        was_planned=ledger.was_planned,
    )
    agenda.forget(accounts.gone, GONE, now)
    clocks, dues = list(accounts.changed), list(accounts.dues)
    for clock in accounts.clocks.values():
        digest = config.digests[clock.job]
        lateness = ledgers.lateness(config, digest)
        moved, found = accounting.due_now(
            digest, clock, now, until=now, lateness=lateness, was_planned=ledger.was_planned
        )
        clocks += [moved] if found else []
        dues += found
    agenda.note(clocks, dues, now)


def _build(
    maker: DueMaker, progress: Progress, stop: Stop
) -> Iterator[tuple[Due, DigestError | None]]:
    """Build what can be built now; each with why it could not be, if so."""
    config, store, clock = maker.config, maker.store, maker.clock
    for due in store.agenda.waiting():
        now = clock()
        if stop.asked:
            break
        if due.job not in config.digests or is_over(due, now):
            _give_up(config, store, due, now)
        elif due.ready_at > now:
            said = f"waits until {due.ready_at:%Y-%m-%d %H:%M} UTC, when {due.period} is settled"
            yield due, PutOffError(said)
        elif due.next_try is None or due.next_try <= now:
            yield due, _make(maker, due, progress)
        else:
            yield due, PutOffError(f"{due.reason}; next try at {due.next_try:%H:%M} UTC")


def _make(maker: DueMaker, due: Due, progress: Progress) -> DigestError | None:
    name = f"template {due.job}"
    try:
        told = maker.make(due, progress)
        for sentence in told:
            maker.store.troubles.begin(name, sentence, maker.clock())
        if not told:
            maker.store.troubles.end(name, maker.clock())
    except Exception as error:
        now = maker.clock()
        verdict = judged(due, error, now)
        if verdict.fatal:
            raise
        maker.store.agenda.put_off(
            due, until=verdict.until, reason=verdict.reason, now=now, failed=verdict.failed
        )
        logger.debug("it ended here", exc_info=error)
        return error if isinstance(error, DigestError) else DigestError(verdict.reason)
    return None


def _give_up(config: Config, store: Store, due: Due, now: datetime) -> None:
    if due.job not in config.digests:
        store.agenda.end(due, DueState.SKIPPED, GONE, now)
    else:
        store.agenda.end(due, DueState.MISSED, missed_because(due), now)


def _result(store: Store, row: int) -> RunResult | None:
    run = store.ledger.run_at(row)
    if run is None:
        return None
    held = tuple(store.ledger.deliveries(Scope(runs=(row,))))
    result = RunResult(job=run.job, period=run.period, deliveries=held, warnings=run.warnings)
    waits = {one.key.channel for one in held if one.state in OPEN}
    stuck = (h.channel for h in store.ledger.holds() if h.channel in waits and not h.passing)
    return replace(result, stuck=tuple(stuck))
