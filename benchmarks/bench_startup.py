"""What a command costs before it does anything: CPU as a multiple of `python -c pass`.

Goals (docs/performance.md): --version and --help at most 6.5 times, check at most 14 times.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 15
CONFIG = """
apps: {shop: {app_id: "1", api_key: "${KEY}", base_url: "http://127.0.0.1:9/public-api/v1"}}
channels: {mail: {type: smtp, host: 127.0.0.1, port: 25, security: none, from: d@example.com}}
digests: {weekly: {app: shop, period: week, schedule: "mon 08:00", to: {mail: [a@example.com]}}}
"""
HEAVY = ("matplotlib", "slack_sdk", "sqlalchemy", "requests", "pydantic", "jinja2", "numpy")


def cpu(arguments: list[str], env: dict[str, str]) -> float:
    """CPU seconds of one process, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], env=env, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(CONFIG, encoding="utf-8")
        env = {**os.environ, "KEY": "k" * 20}
        ways = {
            "--version": ["-m", "digest", "--version"],
            "--help": ["-m", "digest", "--help"],
            "check": ["-m", "digest", "check", "-c", str(path)],
        }
        ratios: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(ROUNDS):
            bare = cpu(["-c", "pass"], env)
            for way, arguments in ways.items():
                ratios[way].append(cpu(arguments, env) / bare)
        for way, found in ratios.items():
            print(
                f"{way:<10} {statistics.median(found):5.2f} x python -c pass"
                f"  ({min(found):.2f} to {max(found):.2f}, {ROUNDS} rounds)"
            )
    probe = (
        "import sys; from digest.cli import run_command_line; run_command_line(['--help']); "
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    print(f"heavy modules imported by --help: {done.stderr.strip()}")


if __name__ == "__main__":
    main()
