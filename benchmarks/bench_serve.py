"""The daemon with ten thousand digests: its start, its memory, its idling, a round, a day's work.

Goals (docs/performance.md): ready in less than 5 s; at most 200 MB, at most 10 kB a digest; less
than 1 % CPU while nothing is due; a round in which one digest is due grows with the number of
digests by an exponent of at most 0.3; at most 10 MB more after 1,000 digests.

Real processes, but for the round: there a daemon's clock jumps, so that it can be watched for a
day. Takes about six minutes.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench_schedule import text_of
from benchmarks.daemon_process import DaemonProcess
from digest.app import utc_now
from tests.support.daemons import Simulation
from tests.support.endless_phase import EndlessPhase

if TYPE_CHECKING:
    from digest.service.wake import Wake

FEW, MANY = 1_000, 10_000
IDLE = 60.0
ROUNDS = 3
WORK = 1_000
ENV = {"KEY": "k" * 20, "TOKEN": "xoxb-1-2-3"}
NOBODY = "http://127.0.0.1:9/public-api/v1"


def main() -> None:
    rows = [("what", "goal", "measured")]
    with tempfile.TemporaryDirectory() as name:
        rows += standing(Path(name))
        rows += rounds(Path(name))
        rows += work(Path(name))
    for what, goal, found in rows:
        print(f"{what:<58} {goal:<10} {found}")


def standing(folder: Path) -> list[tuple[str, str, str]]:
    """Starts, memory and idling, of many digests and of few; none is due for days."""
    day = f"{utc_now() + timedelta(days=4):%a}".lower()
    starts: dict[str, list[tuple[float, float]]] = {"first": [], "again": []}
    memory: dict[int, list[int]] = {FEW: [], MANY: []}
    peaks: list[int] = []
    idle = 0.0
    for turn in range(ROUNDS):
        for count in (FEW, MANY):
            path = _place(folder / f"standing-{turn}-{count}", text_of(count, day, NOBODY))
            with DaemonProcess(config=path, env=ENV) as daemon:
                first = daemon.ready_after, daemon.ready_cpu
            with DaemonProcess(config=path, env=ENV) as daemon:
                time.sleep(2)
                if count == MANY and turn == 0:
                    idle = _idle(daemon)
                memory[count].append(daemon.memory())
                if count == MANY:
                    starts["first"].append(first)
                    starts["again"].append((daemon.ready_after, daemon.ready_cpu))
                    peaks.append(daemon.memory("VmHWM"))
    grown = [
        (many - few) / (MANY - FEW) for few, many in zip(memory[FEW], memory[MANY], strict=True)
    ]
    return [
        *_started(f"first start with {MANY:,} digests until READY=1", starts["first"]),
        *_started("start again", starts["again"]),
        ("memory when idle", "200 MB", _spread([kb / 1000 for kb in memory[MANY]], "MB")),
        ("peak memory, of a start", "–", _spread([kb / 1000 for kb in peaks], "MB")),
        (f"memory of one more digest ({FEW:,} → {MANY:,})", "10 kB", _spread(grown, "kB")),
        (f"CPU while nothing is due, {IDLE:.0f} s", "1 %", f"{idle:.2f} %"),
    ]


def _started(what: str, took: list[tuple[float, float]]) -> list[tuple[str, str, str]]:
    wall, cpu = ([one[n] for one in took] for n in (0, 1))
    return [(what, "5 s", _spread(wall, "s")), (f"{what}, CPU", "–", _spread(cpu, "s"))]


def _idle(daemon: DaemonProcess) -> float:
    """Percent of one CPU."""
    before, begun = daemon.cpu(), time.monotonic()
    time.sleep(IDLE)
    return (daemon.cpu() - before) / (time.monotonic() - begun) * 100


class Watched(Simulation):
    """Keeps what each round of the loop cost: CPU seconds of its own thread, and when it was."""

    def __init__(self, **options: object) -> None:
        self.rounds: list[tuple[datetime, float]] = []
        self._since: float | None = None
        super().__init__(**options)  # type: ignore[arg-type]

    def _wait(self, wake: Wake, seconds: float) -> bool:
        if self._since is not None:
            self.rounds.append((self.times.now, time.thread_time() - self._since))
        rang = super()._wait(wake, seconds)
        self._since = time.thread_time()
        return rang


def rounds(folder: Path) -> list[tuple[str, str, str]]:
    """One digest is due each morning, all others on another day: what that costs the loop."""
    counts = (100, FEW, MANY)
    found: dict[int, list[float]] = {count: [] for count in counts}
    for turn in range(ROUNDS):
        for count in counts:
            found[count].append(_round(folder / f"round-{turn}-{count}", count))
    exponents = [
        math.log(many / few) / math.log(MANY / 100)
        for few, many in zip(found[100], found[MANY], strict=True)
    ]
    costs = [(f"loop's CPU for one due digest among {count:,}", "–", count) for count in counts]
    return [
        *((what, goal, _spread([s * 1000 for s in found[n]], "ms")) for what, goal, n in costs),
        (f"growth exponent of that, 100 → {MANY:,}", "0.3", _spread(exponents, "")),
    ]


def _round(folder: Path, count: int) -> float:
    """CPU seconds of the loop's rounds around a due time, median of some mornings."""
    start = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday; the others are due on Sundays
    with EndlessPhase(clock=lambda: simulation.times.now) as phase:
        text = text_of(count - 1, "sun", phase.base_url)
        one = (
            "  one: {app: app-0, period: day, schedule: {at: every day 07:30, timezone: UTC},"
            " metrics: [sessions], breakdowns: [], charts: [], to: {files: [all]}}\n"
        )
        files = "  files: {type: folder, path: ./out}\napps:"
        path = _place(folder, text.replace("apps:", files, 1) + one)
        simulation = Watched(config=path, env=ENV, start=start)
        with simulation:
            simulation.until(start + timedelta(days=4))
    due = [start.replace(hour=7, minute=30) + timedelta(days=n) for n in range(1, 5)]
    near = timedelta(minutes=2)
    assert len(list((folder / "out").glob("**/report.json"))) == len(due)
    return statistics.median(
        sum(cost for at, cost in simulation.rounds if abs(at - morning) <= near) for morning in due
    )


def work(folder: Path) -> list[tuple[str, str, str]]:
    """Memory after so many digests more, where some have been made with charts."""
    folder = folder / "work"
    with EndlessPhase(clock=utc_now) as phase:
        path = _place(folder, _workload(phase.base_url, enabled=False))
        with DaemonProcess(config=path, env=ENV) as daemon:
            _await(folder, WORK // 20)
            daemon.reload()
            time.sleep(2)
            before = daemon.memory()
            _write(path, _workload(phase.base_url, enabled=True))
            daemon.reload()
            begun, cpu = time.monotonic(), daemon.cpu()
            _await(folder, WORK // 20 + WORK)
            took, cpu = time.monotonic() - begun, daemon.cpu() - cpu
            time.sleep(2)
            grown = (daemon.memory() - before) / 1000
            peak = daemon.memory("VmHWM") / 1000
    return [
        ("memory with charts drawn", "–", f"{before / 1000:.0f} MB"),
        (f"growth after {WORK:,} digests more, each with a chart", "10 MB", f"{grown:.1f} MB"),
        ("peak memory meanwhile", "–", f"{peak:.0f} MB"),
        ("CPU of one such digest", "–", f"{cpu / WORK * 1000:.0f} ms ({WORK / took:.1f} a second)"),
    ]


def _workload(base_url: str, *, enabled: bool) -> str:
    """Few digests that are due soon, and many that are, once they are enabled."""
    soon = utc_now() + timedelta(seconds=90)  # rounded down to its minute
    one = {
        "period": "day",
        "schedule": {"at": f"every day {soon:%H:%M}", "timezone": "UTC"},
        "settle": "0m",
        "metrics": ["sessions"],
        "breakdowns": [],
        "charts": ["sessions"],
        "to": {"files": ["all"]},
    }
    apps = WORK // 20
    config = {
        "limits": {"requests_per_minute": 300},
        "apps": {
            f"app-{n}": {"app_id": f"{n}", "api_key": "${KEY}", "base_url": base_url}
            for n in range(apps)
        },
        "channels": {"files": {"type": "folder", "path": "./out"}},
        "digests": {
            f"{'first' if n < apps else 'then'}-{n}": {
                "app": f"app-{n % apps}",
                "enabled": enabled or n < apps,
                **one,
            }
            for n in range(WORK + apps)
        },
    }
    return yaml.safe_dump(config, sort_keys=False)


def _await(folder: Path, count: int) -> None:
    """Until so many digests are in the folder."""
    until = time.monotonic() + 900
    while len(list((folder / "out").glob("**/report.json"))) < count:
        if time.monotonic() > until:
            sys.exit(f"not all digests came:\n{(folder / 'log').read_text()[-3000:]}")
        time.sleep(1)


def _place(folder: Path, text: str) -> Path:
    """The config, written to a folder of its own with its ledger."""
    folder.mkdir(parents=True)
    path = folder / "config.yaml"
    _write(path, text)
    return path


def _write(path: Path, text: str) -> None:
    path.write_text(f"{text}\nstate: sqlite:///./state/digest.db\n", encoding="utf-8")


def _spread(values: list[float], unit: str) -> str:
    digits = 2 if max(values) < 10 else 0
    low, middle, high = (
        f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values))
    )
    return f"{middle} {unit}".rstrip() + f" ({low} to {high})"


if __name__ == "__main__":
    os.environ.setdefault("TZ", "UTC")
    main()
