"""What a chart costs: CPU as a multiple of a kept matplotlib figure, and of the usual pyplot way.

Goal (docs/performance.md): a fresh chart costs at most 2.0 times the floor and 15 kB. The floor
keeps one figure for the whole process, sets data, ticks and title, and uses our encoder. It shows
what ours shows; the bare floor leaves out the grid, the names of the lines and the worded values.
"""

from __future__ import annotations

import io
import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import pyplot as plt  # noqa: TID251 — the naive way is what this compares with
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from digest.charts import draw, theme
from digest.charts.png import encode
from digest.core.charts_spec import LineChart, Mark, Tick
from digest.core.content import Picture

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 9
CHARTS = 6
DAYS = ("Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21", "Sun 22")
SPEC = LineChart(
    name="sessions",
    title="Sessions",
    days=DAYS,
    values=(412.0, 438.0, 455.0, 461.0, 430.0, 301.0, 287.0),
    baseline=(388.0, 401.0, 396.0, 410.0, 371.0, 262.0, 251.0),
    axis=tuple(Tick(at=200.0 * n, text=str(200 * n)) for n in range(4)),
    marks=(Mark(position=3, text="461"), Mark(position=6, text="287")),
    label="Nov 16 – 22, 2026",
    baseline_label="the week before",
    alt="Sessions by day",
)


def spec(n: int) -> LineChart:
    """The n-th chart: the same size, other words and numbers."""
    values = tuple((value or 0) + n * 7 % 31 for value in SPEC.values)
    marks = (Mark(position=3, text=f"{values[3]:.0f}"), Mark(position=6, text=f"{values[6]:.0f}"))
    return replace(SPEC, title=f"Sessions {n}", values=values, marks=marks)


def ours(chart: LineChart) -> int:
    """A fresh chart as `digest` draws it."""
    (picture,) = draw([chart])
    assert isinstance(picture, Picture)
    return len(picture.png)


class Floor:
    """One kept figure: set data, ticks and title, draw, encode."""

    def __init__(self) -> None:
        self.figure = Figure(figsize=(6, 2.6), dpi=200, facecolor=theme.PAPER)
        self.canvas: Any = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0.12, 0.15, 0.85, 0.55))
        for side in ("top", "right", "left"):
            self.axes.spines[side].set_visible(False)
        self.axes.set_xlim(-0.3, 6.3)
        self.axes.set_xticks(range(7), DAYS)
        self.axes.grid(visible=True, axis="y", color=theme.GRID)
        (self.then,) = self.axes.plot(range(7), range(7), color=theme.BASELINE, ls="--")
        (self.now,) = self.axes.plot(range(7), range(7), color=theme.ACCENT, lw=2.1)
        self.title = self.figure.text(0.03, 0.88, "", fontsize=13, weight="bold")
        self.figure.text(0.09, 0.78, SPEC.label, fontsize=10.8, color=theme.ACCENT, weight="bold")
        self.figure.text(0.5, 0.78, SPEC.baseline_label, fontsize=10.8, color=theme.MUTED)
        self.marks = [self.axes.text(0, 0, "", fontsize=10.8, weight="bold") for _ in SPEC.marks]

    def __call__(self, chart: LineChart) -> int:
        self.title.set_text(chart.title)
        self.now.set_ydata(np.array(chart.values, dtype=float))
        self.then.set_ydata(np.array(chart.baseline, dtype=float))
        self.axes.set_ylim(chart.axis[0].at, chart.axis[-1].at)
        self.axes.set_yticks([t.at for t in chart.axis], [t.text for t in chart.axis])
        for artist, mark in zip(self.marks, chart.marks, strict=True):
            artist.set_text(mark.text)
            artist.set_position((mark.position, chart.values[mark.position] or 0.0))
        self.canvas.draw()
        return len(encode(np.asarray(self.canvas.buffer_rgba())))


class BareFloor:
    """Less than a chart of ours: a kept figure with two lines, ticks and a title."""

    def __init__(self) -> None:
        self.figure = Figure(figsize=(6, 2.6), dpi=200, facecolor=theme.PAPER)
        self.canvas: Any = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0.12, 0.15, 0.85, 0.65))
        for side in ("top", "right"):
            self.axes.spines[side].set_visible(False)
        self.axes.set_xlim(-0.3, 6.3)
        self.axes.set_xticks(range(7), DAYS)
        (self.then,) = self.axes.plot(range(7), range(7), color=theme.BASELINE, ls="--")
        (self.now,) = self.axes.plot(range(7), range(7), color=theme.ACCENT, lw=2.1)
        self.title = self.figure.text(0.03, 0.9, "", fontsize=13, weight="bold")

    def __call__(self, chart: LineChart) -> int:
        self.title.set_text(chart.title)
        self.now.set_ydata(np.array(chart.values, dtype=float))
        self.then.set_ydata(np.array(chart.baseline, dtype=float))
        self.axes.set_ylim(chart.axis[0].at, chart.axis[-1].at)
        self.axes.set_yticks([t.at for t in chart.axis], [t.text for t in chart.axis])
        self.canvas.draw()
        return len(encode(np.asarray(self.canvas.buffer_rgba())))


def naive(chart: LineChart) -> int:
    """What a script written in an afternoon does."""
    figure, axes = plt.subplots(figsize=(6, 2.6), dpi=200)
    axes.plot(chart.days, np.array(chart.values, dtype=float), label=chart.label)
    axes.plot(chart.days, np.array(chart.baseline, dtype=float), "--", label=chart.baseline_label)
    axes.set_title(chart.title)
    axes.legend()
    axes.grid(visible=True, axis="y")
    figure.tight_layout()
    out = io.BytesIO()
    figure.savefig(out, format="png")
    plt.close(figure)
    return len(out.getvalue())


def cpu(draw_one: Callable[[LineChart], int], first: int) -> tuple[float, int]:
    """CPU milliseconds a chart, and the largest of their sizes in bytes."""
    started = time.process_time()
    sizes = [draw_one(spec(first + n)) for n in range(CHARTS)]
    return 1000 * (time.process_time() - started) / CHARTS, max(sizes)


def main() -> None:
    plt.switch_backend("agg")
    ways: dict[str, Callable[[LineChart], int]] = {
        "bare": BareFloor(),
        "floor": Floor(),
        "ours": ours,
        "naive": naive,
    }
    for way in ways.values():
        way(SPEC)  # fonts are loaded once a process
    spent: dict[str, list[float]] = {name: [] for name in ways}
    sizes: dict[str, int] = {}
    for turn in range(ROUNDS):
        for name, way in ways.items():
            milliseconds, sizes[name] = cpu(way, turn * CHARTS)
            spent[name].append(milliseconds)
    for name, times in spent.items():
        print(
            f"{name:<6} {statistics.median(times):6.1f} ms CPU a chart"
            f"  x floor: {spread(times, spent['floor'])}  {sizes[name]:7,} bytes"
        )
    print(f"ours / bare floor: {spread(spent['ours'], spent['bare'])}")
    print(
        f"naive / ours: {spread(spent['naive'], spent['ours'])},"
        f" {ROUNDS} rounds of {CHARTS} charts in turn"
    )


def spread(above: list[float], below: list[float]) -> str:
    """The median of the ratios of each round, and how far they spread."""
    ratios = [one / other for one, other in zip(above, below, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    main()
