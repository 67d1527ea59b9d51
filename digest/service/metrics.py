"""The daemon's Prometheus metrics. docs/metrics.md has the table of them.

The loop tells what happened; what the ledger knows is read when somebody asks. No label ever
holds a reader, an address or a text of a server's.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from digest.core.content import DeliveryState
from digest.service.families import Counts, Levels, Spreads
from digest.service.ledger_metrics import LedgerCollector
from digest.service.reasons import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime, timedelta

    from prometheus_client.core import Metric

    from digest.core.alert_model import HushKind, Seen, VerdictKind
    from digest.service.ledger_metrics import LedgerReading
    from digest.service.reasons import ApiOutcome

_LATENESS: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 43200.0, 86400.0, 259200.0)
_BUILD: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_QUIET: Final = frozenset({DeliveryState.SENT, DeliveryState.SKIPPED})


class Step(StrEnum):
    """Up to where a run's lateness is measured."""

    PLANNED = "planned"
    SENT = "sent"


class Metrics:
    """All metrics of one daemon, in a registry of its own.

    `read_ledger` is called for each exposition; if it raises, the ledger's metrics are left out
    and `digest_ledger_up` is 0. `budget` gives the used part (0 to 1) of each app's requests a
    minute, `log_lines_dropped` how many lines got lost. All methods may be called from any thread.
    """

    def __init__(
        self,
        *,
        version: str,
        read_ledger: Callable[[], LedgerReading],
        budget: Callable[[], Mapping[str, float]],
        log_lines_dropped: Callable[[], int],
    ) -> None:
        self._events = _Events(version)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self._events)
        self._registry.register(LedgerCollector(read_ledger))
        self._registry.register(_OwnCollector(budget, log_lines_dropped))

    def exposition(self) -> tuple[bytes, str]:
        """The text for Prometheus, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def keep_jobs(self, names: Collection[str]) -> None:
        """Forget the series of all other jobs; to be called after a reload."""
        kept = frozenset(names)
        self._events.runs.keep(kept)
        self._events.last_success.keep(kept)

    def run_ended(self, job: str, state: str) -> None:
        """A run of a job came to an end."""
        self._events.runs.add(job, str(state))

    def succeeded(self, job: str, at: datetime) -> None:
        """A job's digest reached all its readers; at the start, when it last did."""
        self._events.last_success.set(at.timestamp(), job)

    def delivery_ended(self, channel: str, state: DeliveryState, code: str = "") -> None:
        """A delivery came to an end. `code` is the server's own (`Outcome.code`)."""
        reason = "" if state in _QUIET else reason_of(code)
        self._events.deliveries.add(channel, state.value, reason)

    def late(self, by: timedelta, step: Step) -> None:
        """From the instant that a run was due until it was planned, or sent."""
        self._events.lateness.add(max(by.total_seconds(), 0.0), step.value)

    def built(self, took: timedelta) -> None:
        """A digest was fetched, rendered and frozen in this time."""
        self._events.build.add(took.total_seconds())

    def api_request(self, app: str, outcome: ApiOutcome) -> None:
        """One request to the Phase API was answered, or not."""
        self._events.requests.add(app, outcome.value)

    def alert_look(self, seen: Seen | None) -> None:
        """An alert was looked at; None when it could not be."""
        self._events.alert_looks.add("failed" if seen is None else _label(seen))

    def alert_message(self, kind: VerdictKind) -> None:
        """A message about alerts was planned."""
        self._events.alert_messages.add(_label(kind))

    def alert_held_back(self, why: HushKind) -> None:
        """A look after which nothing was said, though there was something to say."""
        self._events.alerts_held_back.add(_label(why))

    def next_due(self, at: datetime | None) -> None:
        """The soonest instant at which any job is due, if there is one."""
        if at is None:
            self._events.next_due.clear()
        else:
            self._events.next_due.set(at.timestamp())

    def config_reloaded(self, *, ok: bool) -> None:
        """A reload was asked for, and the new config was taken up or refused."""
        self._events.reloads.add("ok" if ok else "refused")
        self._events.reload_success.set(float(ok))

    def troubles(self, by_kind: Mapping[str, int]) -> None:
        """All troubles that there are now, by kind."""
        self._events.troubles.replace(by_kind)

    def clock_drift(self, drift: timedelta) -> None:
        """How far our clock is ahead of the API's."""
        self._events.drift.set(drift.total_seconds())

    def ticked(self, at: datetime) -> None:
        """The loop went round."""
        self._events.tick.set(at.timestamp())


def _label(word: str) -> str:
    """`too few` → `too_few`."""
    return word.replace(" ", "_")


class _Events(Collector):
    """What the loop tells."""

    def __init__(self, version: str) -> None:
        self.runs = Counts("digest_runs", "Runs that ended, by how.", "job", "state")
        self.deliveries = Counts(
            "digest_deliveries",
            "Deliveries that came to an end, with the reason where it was a bad one.",
            "channel", "state", "reason",
        )  # fmt: skip
        self.lateness = Spreads(
            "digest_run_lateness_seconds",
            "From the instant that a run was due until it was planned, and until it was sent.",
            "step",
            bounds=_LATENESS,
        )
        self.build = Spreads(
            "digest_build_seconds", "Fetching and rendering one digest.", bounds=_BUILD
        )
        self.requests = Counts(
            "digest_api_requests", "Requests to the Phase API, by how they ended.", "app", "outcome"
        )
        self.alert_looks = Counts(
            "digest_alert_looks", "Looks at alerts, by what was seen.", "outcome"
        )
        self.alert_messages = Counts(
            "digest_alert_messages", "Messages about alerts that were planned.", "kind"
        )
        self.alerts_held_back = Counts(
            "digest_alerts_held_back", "Looks whose message was held back, by why.", "why"
        )
        self.last_success = Levels(
            "digest_last_success_timestamp_seconds",
            "When a job's digest last reached all its readers.",
            "job",
        )
        self.next_due = Levels(
            "digest_next_due_timestamp_seconds", "The soonest instant at which any job is due."
        )
        self.reloads = Counts(
            "digest_config_reloads", "Reloads of the config that were asked for.", "result"
        )
        self.reload_success = Levels(
            "digest_config_last_reload_success",
            "1 if the config in use is the one in the file, 0 if the last reload was refused.",
        )
        self.reload_success.set(1.0)
        self.troubles = Levels(
            "digest_troubles", "Troubles that the operator was or will be told of.", "kind"
        )
        self.drift = Levels(
            "digest_clock_drift_seconds", "How far our clock is ahead of the Phase API's."
        )
        self.tick = Levels(
            "digest_loop_tick_timestamp_seconds", "When the daemon's loop last went round."
        )
        self.build_info = Levels(
            "digest_build_info", "Always 1; the label has the version.", "version"
        )
        self.build_info.set(1.0, version)

    def collect(self) -> Iterator[Metric]:
        for family in vars(self).values():
            yield family.family()


class _OwnCollector(Collector):
    """What other parts of the daemon count themselves."""

    def __init__(
        self, budget: Callable[[], Mapping[str, float]], log_lines_dropped: Callable[[], int]
    ) -> None:
        self._budget = budget
        self._dropped = log_lines_dropped

    def collect(self) -> Iterator[Metric]:
        budget = GaugeMetricFamily(
            "digest_api_budget_used_ratio",
            "The part of an app's requests a minute that is used, 0 to 1.",
            labels=["app"],
        )
        for app, used in sorted(self._budget().items()):
            budget.add_metric((app,), used)
        yield budget
        yield CounterMetricFamily(
            "digest_log_lines_dropped",
            "Log lines that could not be written.",
            value=self._dropped(),
        )
