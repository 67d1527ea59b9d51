"""Ten thousand digests: loading them, when they fire next, and what fetching them takes.

Goals (docs/performance.md, 8): load and validate at most 3 times what libyaml takes to parse the
same text with the garbage collector off; next fires at most 100 ms CPU; both grow no faster than
the number of digests (exponent at most 1.05). Everything is CPU time, the ways taken in turn.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from digest.app.forecast import busy_waves, outlook
from digest.config.loader import load_text
from digest.config.remarks import warnings
from digest.config.schedule import upcoming

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.config.models import Config

FEW, MANY = 1_000, 10_000
ROUNDS = 5
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo")
PHASE = "https://api.phase.sh/public-api/v1"
HEAD = """
limits: {requests_per_minute: 300}
channels:
  mail: {type: smtp, host: 127.0.0.1, port: 25, security: none, from: d@example.com}
  slack: {type: slack, token: "${TOKEN}"}
"""


def text_of(count: int, day: str = "mon", base_url: str = PHASE) -> str:
    """A config of so many digests, a tenth as many apps and 60 different schedules on that day."""
    apps = (
        f'  app-{n}: {{title: App {n}, app_id: "{n}", api_key: "${{KEY}}", base_url: "{base_url}"}}'
        for n in range(max(count // 10, 1))
    )
    digests = (
        f"  digest-{n}: {{app: app-{n % max(count // 10, 1)}, period: week, schedule: "
        f'{{at: "{day} {7 + n % 5:02}:{n % 4 * 15:02}", timezone: {ZONES[n % 3]}}}, '
        f'to: {{mail: [team-{n}@example.com], slack: ["#team-{n}"]}}}}'
        for n in range(count)
    )
    return "\n".join([HEAD, "apps:", *apps, "digests:", *digests, ""])


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of one call, after a full collection."""
    gc.collect()
    before = time.process_time()
    work()
    return time.process_time() - before


def parse(text: str) -> None:
    """The floor: libyaml through PyYAML, with the garbage collector off."""
    gc.disable()
    try:
        yaml.load(text, Loader=yaml.CSafeLoader)
    finally:
        gc.enable()


def load(text: str) -> Config:
    return load_text(text, "config.yaml", {"KEY": "k" * 20, "TOKEN": "xoxb-1"}, Path.cwd())


def main() -> None:
    texts = {count: text_of(count) for count in (FEW, MANY)}
    configs = {count: load(text) for count, text in texts.items()}
    ways: dict[str, Callable[[int], object]] = {
        "CSafeLoader, gc off": lambda count: parse(texts[count]),
        "load and validate": lambda count: load(texts[count]),
        "next fires": lambda count: upcoming(configs[count].digests.values(), NOW, 1),
        "fires, requests, starts": lambda count: outlook(configs[count], NOW, 1),
        "busiest days (check)": lambda count: busy_waves(configs[count], NOW),
        "remarks (check)": lambda count: warnings(configs[count]),
    }
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(ROUNDS):
        for way, work in ways.items():
            for count in (FEW, MANY):
                taken = cpu(lambda work=work, count=count: work(count))  # type: ignore[misc]
                found.setdefault((way, count), []).append(taken)
    for way in ways:
        many = found[way, MANY]
        exponent = math.log10(statistics.median(many) / statistics.median(found[way, FEW]))
        print(
            f"{way:<24} {statistics.median(many) * 1000:8.1f} ms CPU for {MANY:,} digests"
            f"  ({min(many) * 1000:.1f} to {max(many) * 1000:.1f}, {ROUNDS} rounds),"
            f" growth exponent from {FEW:,}: {exponent:.2f}"
        )
    pairs = zip(found["load and validate", MANY], found["CSafeLoader, gc off", MANY], strict=True)
    ratios = [ours / floor for ours, floor in pairs]
    print(
        f"load and validate ÷ CSafeLoader: {statistics.median(ratios):.2f}"
        f"  ({min(ratios):.2f} to {max(ratios):.2f})"
    )


if __name__ == "__main__":
    main()
