"""`python -m tests.lab.crashtest`: digest is killed everywhere, and the oracle looks for harm.

    steps    at every named step, as often as it is reached, and twice in a row
    syncs    at every fsync and fdatasync (needs strace)
    random   at any time, from outside

Exits 1 when a message was lost, or sent once too often, or the ledger tells something else than
the servers' journals. The folders of such worlds are kept, and named.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.random_kills import at_random
from tests.lab.runner import ForkServer
from tests.lab.scenarios import Site, every_step
from tests.lab.syncs import every_sync
from tests.lab.tally import Result, table
from tests.lab.world import phase_server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from tests.lab.scenarios import Scenario

SWEEPS = ("steps", "syncs", "random")


def scenarios(site: Site, asked: argparse.Namespace) -> Iterator[Scenario]:
    """All that is asked for, made when its turn comes."""
    if "steps" in asked.only:
        yield from every_step(site)
    if "syncs" in asked.only:
        yield from every_sync(site)
    if "random" in asked.only:
        yield from at_random(asked.kills, asked.seed)


def play(site: Site, plays: Iterable[Scenario], jobs: int) -> Iterator[Result]:
    """Play them, so many side by side; results in order."""
    with ThreadPoolExecutor(jobs) as pool:
        running: deque[Future[Result]] = deque()
        for scenario in plays:
            running.append(pool.submit(_played, scenario, site))
            if len(running) > 2 * jobs:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def _played(scenario: Scenario, site: Site) -> Result:
    try:
        return scenario.play(site)
    except (AssertionError, TimeoutError) as error:
        return Result(sweep="broken off", label=str(scenario), violations=(str(error),))


def main(arguments: Sequence[str] | None = None) -> int:
    """Play everything; 1 when something is amiss."""
    parser = argparse.ArgumentParser(prog="crashtest", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000, help="at random times (default 1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the random times (default 1)")
    parser.add_argument("--jobs", type=int, default=2, help="side by side (default 2)")
    parser.add_argument(
        "--only", nargs="+", choices=SWEEPS, default=SWEEPS, help="only these (default: all)"
    )
    asked = parser.parse_args(arguments)
    if "syncs" in asked.only and shutil.which("strace") is None:
        parser.error("strace is not installed; leave its sweep out with: --only steps random")
    folder, begun = Path(tempfile.mkdtemp(prefix="crashtest-")), time.monotonic()
    results: list[Result] = []
    with phase_server() as phase, ForkServer() as starter:
        site = Site(starter=starter, phase=phase, folder=folder)
        for result in play(site, scenarios(site, asked), asked.jobs):
            results.append(result)
            _tell(result, len(results))
    bad = [result for result in results if result.violations]
    sys.stdout.write(f"\n{table(results)}\n\n{time.monotonic() - begun:.0f} s\n")
    if bad:
        sys.stdout.write(f"{len(bad)} of {len(results)} went wrong; look into {folder}\n")
    else:
        shutil.rmtree(folder)
    return 1 if bad else 0


def _tell(result: Result, number: int) -> None:
    """What went wrong, always; what goes on, to a terminal."""
    clear = "\r\033[K" if sys.stdout.isatty() else ""
    if result.violations:
        problems = "".join(f"\n  {what}" for what in itertools.islice(result.violations, 10))
        sys.stdout.write(f"{clear}{result.sweep}, {result.label}:{problems}\n")
    if clear:
        sys.stdout.write(f"{clear}{number:>6}  {result.sweep}: {result.label[:90]}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
