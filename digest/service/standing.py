"""The ledger and the loop → what the status page, the metrics and the health checks show."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from digest import __version__
from digest.app.forecast import outlook
from digest.app.forecast_text import in_words
from digest.app.silencing import standings_in
from digest.config.schedule import explain
from digest.core.alert_model import Phase
from digest.core.outbox import NEEDS_PERSON
from digest.core.wording import Wording
from digest.service import showing
from digest.service.ledger_metrics import LedgerReading
from digest.store.reading import Scope
from digest.web import standing as shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from digest.config.models import Digest
    from digest.core.agenda import Due
    from digest.service.life import Daemon
    from digest.store.glances import Outcomes
    from digest.store.rows import Run
    from digest.web.alert_standing import Alert

RUNS = 20
DELIVERIES = 50
NEEDS = 30
PAST = 14
RECENT = 2000
MOST_FORECAST = 1000
STUCK = timedelta(seconds=90)
"""A loop that has not gone round for so long is not alive."""


class Reporter:
    """Reads how things stand; may be asked by any thread."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._lock = threading.Lock()

    def standing(self) -> shown.Standing:
        """Everything that the page shows."""
        daemon, loop = self._daemon, self._daemon.loop
        config, store, now = daemon.config, loop.store, daemon.outside.clock()
        zone = ZoneInfo(config.timezone)
        runs = store.ledger.latest_runs(RUNS)
        missed = store.agenda.missed()[:NEEDS]
        needing = []
        for held in store.ledger.needing_person():
            needing.append(held)
            if len(needing) >= NEEDS:
                break
        past = _by_job(store.agenda.recent(RECENT))
        outcomes = store.ledger.outcomes(RECENT)
        building = {ticket.due.row for ticket in loop.builders.running}
        waiting = [due for due in store.agenda.waiting() if due.row not in building]
        return shown.Standing(
            version=__version__,
            now=now,
            started=daemon.started,
            zone=zone,
            config=shown.Config(
                path=daemon.reloads.shown,
                loaded=daemon.reloads.loaded,
                problems=daemon.reloads.problems,
                refused=daemon.reloads.refused,
            ),
            words=daemon.broken,
            jobs=tuple(
                self._job(digest, past[digest.name], outcomes) for digest in config.digests.values()
            ),
            running=tuple(
                shown.Running(
                    job=ticket.due.job,
                    period=ticket.due.period,
                    since=ticket.since,
                    step=ticket.step or "building",
                )
                for ticket in loop.builders.running
            ),
            waiting=tuple(showing.waiting_of(due, now) for due in waiting[:NEEDS]),
            runs=tuple(self._run(run, showing.due_of(past, run), outcomes) for run in runs),
            needs=(*map(showing.missed_of, missed), *map(showing.need_of, needing)),
            needs_total=store.ledger.needing_count() + len(missed),
            holds=tuple(
                shown.Hold(
                    channel=hold.channel,
                    since=hold.since,
                    until=hold.until,
                    passing=hold.passing,
                    reason=hold.reason,
                )
                for hold in store.ledger.holds()
            ),
            troubles=tuple(
                shown.Trouble(sentence=one.sentence, since=one.since)
                for one in store.troubles.now()
            ),
            budgets=tuple(
                shown.Budget(app=name, used=used, limit=loop.sources.budget.per_minute)
                for name, used in self._budgets().items()
            ),
            alerts=self._alerts(now),
            plan=self._plan(now),
            queue={
                "due periods": len(waiting),
                "deliveries": showing.open_count(store.ledger.counts()),
            },
        )

    def health(self) -> shown.Health:
        """Whether the loop goes round, and whether its ledger can be used."""
        daemon = self._daemon
        alive = daemon.outside.monotonic() - daemon.went_round < STUCK.total_seconds()
        reasons = [daemon.broken] if daemon.broken else []
        if not alive:
            reasons.append("the loop does not go round")
        if daemon.stopping:
            reasons.append("stopping")
        return shown.Health(alive=alive, ready=not reasons, reasons=tuple(reasons))

    def reading(self) -> LedgerReading:
        """What the metrics need of the ledger."""
        store, now = self._daemon.loop.store, self._daemon.outside.clock()
        return LedgerReading(
            deliveries={str(state): n for state, n in store.ledger.counts().items()},
            due_periods={str(state): n for state, n in store.agenda.counts().items()},
            queue_age=store.ledger.queue_age(now),
            needs_person=store.ledger.needing_count(),
            alerts=self._alert_states(),
        )

    def last_successes(self) -> dict[str, datetime]:
        """When each digest last reached all its readers, as far as the latest runs tell."""
        found: dict[str, datetime] = {}
        for (job, _), outcomes in self._daemon.loop.store.ledger.outcomes(RECENT).items():
            if job in self._daemon.config.digests and outcomes.all_sent:
                found[job] = max(outcomes.at, found.get(job, outcomes.at))
        return found

    def budget_used(self) -> Mapping[str, float]:
        """The used part of the requests a minute, by app."""
        limit = self._daemon.loop.sources.budget.per_minute
        return {name: used / limit for name, used in self._budgets().items()}

    def _plan(self, now: datetime) -> tuple[str, ...]:
        """What is fetched next, in words; for very many digests that would take too long."""
        config = self._daemon.config
        if len(config.digests) > MOST_FORECAST:
            return ()
        return tuple(in_words(wave, config) for wave in outlook(config, now, 1).next)

    def _alerts(self, now: datetime) -> tuple[Alert, ...]:
        config, loop = self._daemon.config, self._daemon.loop
        if not config.alerts:
            return ()
        coming = loop.alerts.next_looks
        found = standings_in(config, loop.store.alerts, now, lambda alert: coming.get(alert.name))
        words = Wording(config.locale)
        return tuple(showing.alert_of(one, words) for one in found)

    def _alert_states(self) -> dict[str, int]:
        """How many alerts are in each state, of those that are looked at."""
        names = [name for name, one in self._daemon.config.alerts.items() if one.enabled]
        held = self._daemon.loop.store.alerts.states() if names else {}
        states = (held[name].state.phase if name in held else Phase.OK for name in names)
        return {str(state): count for state, count in Counter(states).items()}

    def _budgets(self) -> dict[str, int]:
        sources = self._daemon.loop.sources
        found = {}
        for name, app in self._daemon.config.apps.items():
            used = sources.used(app)
            if used:
                found[name] = used
        return found

    def _job(
        self, digest: Digest, past: list[Due], outcomes: Mapping[tuple[str, str], Outcomes]
    ) -> shown.Job:
        found = self._daemon.loop.calendar.next_of(digest.name) if digest.enabled else None
        zone = digest.schedule.zone
        return shown.Job(
            name=digest.name,
            app=digest.app,
            schedule=digest.schedule.phrase,
            explanation=explain(digest.schedule),
            timezone=digest.schedule.timezone,
            enabled=digest.enabled,
            next=None
            if found is None
            else shown.Fire(
                at=found.due_at.astimezone(zone),
                period=found.period,
                ready=found.ready_at if found.ready_at > found.due_at else None,
            ),
            past=tuple(showing.past_of(due, outcomes) for due in reversed(past[:PAST])),
        )

    def _run(
        self, run: Run, due: Due | None, outcomes: Mapping[tuple[str, str], Outcomes]
    ) -> shown.Run:
        ledger = self._daemon.loop.store.ledger
        counts = ledger.counts(run.row)
        known = outcomes.get((run.job, run.period))
        at = run.planned_at if known is None else known.at
        held = ledger.deliveries(Scope(runs=(run.row,)))
        held.sort(key=lambda one: one.state not in NEEDS_PERSON)
        return shown.Run(
            job=run.job,
            app=run.app,
            period=run.period,
            state=showing.state_of(counts),
            at=at,
            kind=run.kind,
            generation=run.generation,
            late=None if due is None else max(at - due.effective, timedelta()),
            counts=counts,
            deliveries=tuple(showing.delivered_of(one) for one in held[:DELIVERIES]),
            warnings=run.warnings,
        )


def _by_job(recent: Iterable[Due]) -> dict[str, list[Due]]:
    past: dict[str, list[Due]] = defaultdict(list)
    for due in recent:
        past[due.job].append(due)
    return past
