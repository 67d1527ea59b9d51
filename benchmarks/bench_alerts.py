"""Ten thousand alerts: loading them, taking them up, what a round of nothing and one look cost.

Goals (docs/performance.md, 8): load and validate at most 3 times what libyaml takes to parse the
same text; all of it grows no faster than the number of alerts (exponent at most 1.05). CPU time,
the ways taken in turn.
"""

from __future__ import annotations

import gc
import math
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from digest.app.parts import place_of
from digest.app.sources import LastingSources
from digest.config.loader import load_text
from digest.outbox.stopping import Stop
from digest.service.loop import Loop
from digest.service.outside import Outside
from digest.service.telling import Telling
from digest.service.wake import Wake
from digest.store import opening
from tests.support.endless_phase import EndlessPhase

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.config.models import Config
    from digest.store.opened import Store

FEW, MANY = 1_000, 10_000
ROUNDS, LOOKS = 5, 40
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
KINDS = (
    ("today", "every 15m", "metric: bounce_rate, when: {above: 60}"),
    ("day", "every day 09:00", "metric: sessions, when: {falls_by: 40%, against: same_weekday}"),
    ("day", "mon-fri 08:00", "metric: events, when: {deviates: 4}"),
)


def text_of(count: int, base_url: str = "http://127.0.0.1:9/x") -> str:
    """A config of so many alerts, a tenth as many apps, of three kinds and schedules."""
    apps = max(count // 10, 1)
    return "\n".join(
        [
            "channels: {files: {type: folder, path: ./out}}",
            "apps:",
            *(
                f'  app-{n}: {{app_id: "{n}", api_key: "${{KEY}}", base_url: "{base_url}"}}'
                for n in range(apps)
            ),
            "alerts:",
            *(
                f"  alert-{n}: {{app: app-{n % apps}, window: {window}, schedule: {schedule}, "
                f"{rule}, to: {{files: [team-{n}]}}}}"
                for n in range(count)
                for window, schedule, rule in [KINDS[n % len(KINDS)]]
            ),
            "",
        ]
    )


def loaded(text: str, folder: Path) -> Config:
    return load_text(text, source="config.yaml", env={"KEY": "k"}, base_dir=folder)


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of one call, after a full collection."""
    gc.collect()
    before = time.process_time()
    work()
    return time.process_time() - before


def loop_of(config: Config, store: Store, clock: Callable[[], datetime] = lambda: NOW) -> Loop:
    return Loop(
        store=store,
        sources=LastingSources(config),
        stop=Stop(),
        outside=Outside(clock=clock),
        wake=Wake(),
        telling=Telling(),
    )


def taken_up(count: int, folder: Path) -> tuple[float, float]:
    """CPU seconds of taking up so many alerts, and of a round in which none is due."""
    config = loaded(text_of(count), folder)
    place = place_of(config.model_copy(update={"state": None}))
    with opening.open_sender(place, command="bench", clock=lambda: NOW) as store:
        loop = loop_of(config, store)
        loop.open(config)
        again = cpu(lambda: loop.alerts.open(config, NOW))
        before = NOW - timedelta(days=1)

        def rounds() -> None:
            for _ in range(1000):
                loop.alerts.start(before)

        return again, cpu(rounds) / 1000


def one_look(folder: Path) -> float:
    """CPU seconds of a look at one alert that is fine, with its two requests and its commit."""
    now = NOW
    with EndlessPhase(clock=lambda: now) as phase:
        config = loaded(text_of(1, phase.base_url), folder)
        with opening.open_sender(place_of(config), command="bench", clock=lambda: now) as store:
            sources = LastingSources(config)
            loop = loop_of(config, store, lambda: now)
            loop.open(config)
            spent = []
            for _ in range(LOOKS):
                now += timedelta(minutes=15)
                with sources.of(config.apps["app-0"], shared=False) as source:
                    spent.append(cpu(lambda: loop.alerts.rounds.look("app-0", ["alert-0"], source)))
    return statistics.median(spent)


def main() -> int:
    """Measure and say."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = {count: text_of(count) for count in (FEW, MANY)}
        ratios: list[float] = []
        costs: dict[int, list[float]] = {FEW: [], MANY: []}
        for _ in range(ROUNDS):
            bare = cpu(lambda: yaml.load(texts[MANY], Loader=yaml.CSafeLoader))
            for count in (FEW, MANY):
                costs[count].append(cpu(partial(loaded, texts[count], folder)))
            ratios.append(costs[MANY][-1] / bare)
        growth = math.log10(statistics.median(costs[MANY]) / statistics.median(costs[FEW]))
        print(f"load and validate {MANY} alerts: {statistics.median(ratios):.2f} x libyaml")
        print(f"growth exponent of that: {growth:.2f}")
        for count in (FEW, MANY):
            os.environ["STATE_DIRECTORY"] = str(folder / str(count))
            up, tick = taken_up(count, folder)
            print(f"take up {count}: {up * 1000:.0f} ms; a round of nothing: {tick * 1e6:.1f} us")
        os.environ["STATE_DIRECTORY"] = str(folder / "look")
        print(f"one look, two requests and a commit: {one_look(folder) * 1000:.1f} ms CPU")
    return 0


if __name__ == "__main__":
    sys.exit(main())
