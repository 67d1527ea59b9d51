"""`python -m tests.soak`: a simulated year of the daemon, and a long time in one process.

Exits 1 when a period went out twice without doubt, is missing beyond the policy, or was sent
against it, and when the process grows. The folder is kept then; the same seed plans the same
events, though a kill does not fall on the same instruction again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.runner import ForkServer
from tests.soak import tally

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tests.lab.runner import Starter


def main(arguments: Sequence[str] | None = None) -> int:
    """Both parts; 1 when something is amiss."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=365, help="with events (default 365)")
    parser.add_argument("--kills", type=int, default=200, help="kill -9 planned (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="of the events (default 1)")
    parser.add_argument("--long", type=int, default=240, help="days without any (default 240)")
    parser.add_argument("--verbose", action="store_true", help="say what happens when")
    asked = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="soak-", dir="/var/tmp"))

    violations: list[str] = []
    with ForkServer("tests.soak.forkserver") as starter, ThreadPoolExecutor(2) as pool:
        year = pool.submit(_year, folder / "year", starter, asked) if asked.days else None
        long = pool.submit(_long, folder / "long", starter, asked) if asked.long else None
        if year is not None:
            violations += year.result().findings.violations
            sys.stdout.write("\n".join([*year.result().lines(), ""]))
        if long is not None:
            violations += long.result().growth.violations()
            sys.stdout.write("\n".join([*long.result().lines(), ""]))
    sys.stdout.write(f"violations {len(violations)}\n")
    for what in violations:
        sys.stdout.write(f"  {what}\n")
    if violations:
        sys.stdout.write(f"replay with --seed {asked.seed}; look into {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


def _year(folder: Path, starter: Starter, asked: argparse.Namespace) -> tally.Year:
    def told(at: datetime, what: str) -> None:
        if asked.verbose:
            sys.stdout.write(f"{at:%Y-%m-%d %H:%M:%S} {what}\n")
            sys.stdout.flush()

    folder.mkdir()
    return tally.year(
        folder, starter, days=asked.days, kills=asked.kills, seed=asked.seed, told=told
    )


def _long(folder: Path, starter: Starter, asked: argparse.Namespace) -> tally.Long:
    folder.mkdir()
    return tally.long(folder, starter, days=asked.long)


if __name__ == "__main__":
    sys.exit(main())
