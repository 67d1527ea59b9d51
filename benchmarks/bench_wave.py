"""A thousand apps due at one instant, on a server that takes 300 requests a minute: is it kept?

    python benchmarks/bench_wave.py                          about 10 minutes, in real time
    python benchmarks/bench_wave.py --apps 60 --limit 100    about 2 minutes

A real `digest serve` against a Phase server with a limit. What `digest jobs` says beforehand is
held against what happened (docs/performance.md: within 10 %). Everything must be fetched and sent,
each question asked once, the server's limit never met.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.daemon_process import DaemonProcess
from digest.app import forecast, open_config, utc_now
from digest.app.forecast_text import in_words
from tests.support.endless_phase import EndlessPhase

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.app.forecast import Wave
    from digest.config.models import Config
    from tests.support.endless_phase import Asked

ENV = {"KEY": "k" * 20}
REQUESTS = 2
_SLACK = timedelta(seconds=30)
_PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What happened: instants (UTC) of requests and files, and the daemon's use."""

    requests: list[datetime]
    statuses: Counter[int]
    repeated: int
    fullest: int
    sent: list[datetime]
    peak: int
    cpu: float


def main() -> None:
    wants = _arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with EndlessPhase(clock=utc_now, limit=wants.limit, answer_with=_slowly(wants)) as phase:
            path, due = _configured(folder, phase.base_url, wants)
            config = open_config(path, ENV)
            (wave,) = forecast.outlook(config, utc_now(), 1).next
            print(in_words(wave, config))
            _say_jobs(path)
            course = _run(path, phase, due, wants.apps)
    _say(wave, config, course, due, wants.apps)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--apps", type=int, default=1000)
    parser.add_argument("--limit", type=int, default=300, help="the server's, a minute")
    parser.add_argument(
        "--requests-per-minute", type=int, help="the config's; 290 of 300 of the server's limit"
    )
    parser.add_argument(
        "--answer", type=float, nargs=2, default=(0.2, 1.0), help="seconds, least and most"
    )
    wants = parser.parse_args()
    wants.requests_per_minute = wants.requests_per_minute or wants.limit * 290 // 300
    return wants


def _slowly(wants: argparse.Namespace) -> Callable[[object], None]:
    rng = random.Random(1)

    def answer(_request: object) -> None:
        time.sleep(rng.uniform(*wants.answer))

    return answer


def _configured(folder: Path, base_url: str, wants: argparse.Namespace) -> tuple[Path, datetime]:
    """The config, and when everything in it is due: as soon as all can be fetched by then."""
    fetching = timedelta(minutes=REQUESTS * wants.apps / wants.requests_per_minute)
    due = (utc_now() + fetching * 1.1 + _SLACK).replace(second=0, microsecond=0)
    due += timedelta(minutes=1)
    config = {
        "timezone": "UTC",
        "state": "sqlite:///./state/digest.db",
        "limits": {"requests_per_minute": wants.requests_per_minute},
        "apps": {
            f"app-{n}": {"app_id": f"{n}", "api_key": "${KEY}", "base_url": base_url}
            for n in range(wants.apps)
        },
        "channels": {"files": {"type": "folder", "path": "./out"}},
        "digests": {
            f"digest-{n}": {
                "app": f"app-{n}",
                "period": "day",
                "schedule": f"{due.minute} {due.hour} * * *",
                "settle": "0m",
                "metrics": ["sessions", "bounce_rate"],
                "breakdowns": [],
                "to": {"files": ["all"]},
            }
            for n in range(wants.apps)
        },
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path, due


def _say_jobs(path: Path) -> None:
    arguments = [sys.executable, "-m", "digest", "jobs", "-c", str(path)]
    done = subprocess.run(arguments, env=ENV, check=True, capture_output=True, text=True)
    print(f"digest jobs says: {done.stdout.splitlines()[-1]}", flush=True)


def _run(path: Path, phase: EndlessPhase, due: datetime, apps: int) -> Course:
    out = path.parent / "out"
    began, wall = time.monotonic(), utc_now()
    with DaemonProcess(config=path, env=ENV) as daemon:
        print(f"ready after {daemon.ready_after:.1f} s", flush=True)
        said = utc_now()
        while len(files := list(out.glob("**/report.json"))) < apps:
            if utc_now() > due + _PATIENCE:
                break
            if utc_now() - said > timedelta(minutes=1):
                said = utc_now()
                print(
                    f"{said:%H:%M:%S}  {len(phase.asked)} requests, {len(files)} sent", flush=True
                )
            time.sleep(1)
        peak, cpu = daemon.memory("VmHWM"), daemon.cpu()
    asked = sorted(phase.asked, key=lambda one: one.at)
    return Course(
        requests=[wall + timedelta(seconds=one.at - began) for one in asked],
        statuses=Counter(one.status for one in asked),
        repeated=sum(count - 1 for count in Counter(map(_question, asked)).values()),
        fullest=_fullest([one.at for one in asked]),
        sent=[datetime.fromtimestamp(file.stat().st_mtime, UTC) for file in files],
        peak=peak,
        cpu=cpu,
    )


def _question(one: Asked) -> tuple[object, ...]:
    return one.app, one.report, one.what, one.start, one.end


def _fullest(times: list[float]) -> int:
    """The most in any 60 seconds."""
    most = first = 0
    for n, at in enumerate(times):
        while at - times[first] >= 60:
            first += 1
        most = max(most, n - first + 1)
    return most


def _say(wave: Wave, config: Config, course: Course, due: datetime, apps: int) -> None:
    pace = forecast.pace_of(config)
    at_limit = pace.fetching(wave.requests).total_seconds()
    planned = (due - pace.build - wave.start_at).total_seconds()
    took = (course.requests[-1] - course.requests[0]).total_seconds()
    rows = [
        ("digests sent", f"{len(course.sent):,} of {apps:,}"),
        ("requests, planned and made", f"{wave.requests:,}, {len(course.requests):,}"),
        ("questions asked again", f"{course.repeated}"),
        ("answers 429", f"{course.statuses[429]}"),
        ("most answers in any 60 s", f"{course.fullest}"),
        ("start, planned and first answer", _both(wave.start_at, course.requests[0], due)),
        ("last answer", _offset(course.requests[-1], due)),
        ("first and last file", _both(min(course.sent), max(course.sent), due)),
        ("fetching, planned and done", f"{planned:.0f} s, {took:.0f} s"),
        ("done ÷ planned", f"{took / planned:.3f}"),
        ("done ÷ the limit's bare time", f"{took / at_limit:.2f} ({at_limit:.0f} s)"),
        ("peak memory", f"{course.peak / 1000:.0f} MB"),
        ("CPU a digest", f"{course.cpu / apps * 1000:.0f} ms"),
    ]
    for what, found in rows:
        print(f"{what:<42} {found}")


def _both(one: datetime, other: datetime, due: datetime) -> str:
    return f"{_offset(one, due)}, {_offset(other, due)}"


def _offset(at: datetime, due: datetime) -> str:
    seconds = (at - due).total_seconds()
    return f"{abs(seconds):.0f} s {'before' if seconds < 0 else 'after'} due"


if __name__ == "__main__":
    main()
