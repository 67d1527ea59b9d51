"""Counters, gauges and histograms as plain numbers, handed to prometheus-client when it asks.

Its own counters cost a kilobyte and a lock for each series, and an instant of creation that
nobody reads; with ten thousand jobs that is the daemon's memory goal.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Counts:
    """A counter: its series only grow."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0.0}
        self._lock = Lock()

    def add(self, *values: str, by: float = 1.0) -> None:
        """Count `by` more for these values of the labels."""
        with self._lock:
            self._values[values] = self._values.get(values, 0.0) + by

    def keep(self, first: Collection[str]) -> None:
        """Forget every series whose first label is none of these."""
        with self._lock:
            self._values = {key: held for key, held in self._values.items() if key[0] in first}

    def family(self) -> CounterMetricFamily:
        """As it is now."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        with self._lock:
            values = sorted(self._values.items())
        for key, held in values:
            family.add_metric(key, held)
        return family


class Levels:
    """A gauge. A series that was never set is not there."""

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._values: dict[tuple[str, ...], float] = {}
        self._lock = Lock()

    def set(self, value: float, *values: str) -> None:
        """The level for these values of the labels."""
        with self._lock:
            self._values[values] = value

    def replace(self, levels: Mapping[str, float]) -> None:
        """These are all the series there are, by the one label."""
        with self._lock:
            self._values = {(key,): held for key, held in levels.items()}

    def clear(self) -> None:
        """No series at all: the level is not known."""
        with self._lock:
            self._values = {}

    def keep(self, first: Collection[str]) -> None:
        """Forget every series whose first label is none of these."""
        with self._lock:
            self._values = {key: held for key, held in self._values.items() if key[0] in first}

    def family(self) -> GaugeMetricFamily:
        """As it is now."""
        family = GaugeMetricFamily(self._name, self._text, labels=self._labels)
        with self._lock:
            values = sorted(self._values.items())
        for key, held in values:
            family.add_metric(key, held)
        return family


class Spreads:
    """A histogram with fixed bounds, in ascending order."""

    def __init__(self, name: str, text: str, *labels: str, bounds: tuple[float, ...]) -> None:
        self._name, self._text, self._labels, self._bounds = name, text, labels, bounds
        self._values: dict[tuple[str, ...], tuple[list[int], float]] = {}
        self._lock = Lock()
        if not labels:
            self._values[()] = self._empty()

    def _empty(self) -> tuple[list[int], float]:
        return [0] * (len(self._bounds) + 1), 0.0

    def add(self, value: float, *values: str) -> None:
        """Count one observation."""
        with self._lock:
            counts, total = self._values.get(values) or self._empty()
            counts[bisect_left(self._bounds, value)] += 1
            self._values[values] = counts, total + value

    def family(self) -> HistogramMetricFamily:
        """As it is now."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        with self._lock:
            values = sorted((key, (list(held[0]), held[1])) for key, held in self._values.items())
        names = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        for key, (counts, total) in values:
            family.add_metric(key, list(zip(names, accumulate(counts), strict=True)), total)
        return family
