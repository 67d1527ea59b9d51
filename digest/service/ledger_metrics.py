"""What the ledger tells Prometheus, read once for each exposition."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from digest.core.alert_model import Phase
from digest.core.content import DeliveryState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import timedelta

    from prometheus_client.core import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReading:
    """What the ledger says at one instant.

    `deliveries`, `due_periods` and `alerts` are numbers by state, `queue_age` is how long the
    oldest delivery that could be tried has been waiting, `needs_person` how many only a person
    can put right.
    """

    deliveries: Mapping[str, int]
    due_periods: Mapping[str, int]
    queue_age: timedelta
    needs_person: int
    alerts: Mapping[str, int] = field(default_factory=dict)


class LedgerCollector(Collector):
    """What the ledger knows, read once for each exposition."""

    def __init__(self, read: Callable[[], LedgerReading]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """The gauges; all but `digest_ledger_up` are without series when it can't be read."""
        up = GaugeMetricFamily(
            "digest_ledger_up", "1 if the ledger could be read just now, else 0."
        )
        deliveries = GaugeMetricFamily(
            "digest_deliveries", "Deliveries in the ledger, by where they stand.", labels=["state"]
        )
        periods = GaugeMetricFamily(
            "digest_due_periods", "Periods that became due, by where they stand.", labels=["state"]
        )
        age = GaugeMetricFamily(
            "digest_queue_age_seconds",
            "How long the oldest delivery that could be tried has been waiting; 0 if none is.",
        )
        person = GaugeMetricFamily(
            "digest_needs_person", "Deliveries that only a person can put right."
        )
        alerts = GaugeMetricFamily(
            "digest_alerts", "Alerts that are looked at, by where they stand.", labels=["state"]
        )
        try:
            reading = self._read()
        except Exception:  # noqa: BLE001 — the rest is worth seeing most when the ledger is not there
            up.add_metric((), 0.0)
        else:
            up.add_metric((), 1.0)
            for state in DeliveryState:
                deliveries.add_metric((state.value,), reading.deliveries.get(state.value, 0))
            for name, number in sorted(reading.due_periods.items()):
                periods.add_metric((str(name),), number)
            for phase in Phase:
                alerts.add_metric((phase.value,), reading.alerts.get(phase.value, 0))
            age.add_metric((), max(reading.queue_age.total_seconds(), 0.0))
            person.add_metric((), reading.needs_person)
        yield from (up, deliveries, periods, age, person, alerts)
