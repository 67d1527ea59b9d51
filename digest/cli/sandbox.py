"""`digest sandbox`: a Phase-compatible server with sample data."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from digest.cli.options import Instant

if TYPE_CHECKING:
    from datetime import datetime


EXAMPLES = """\b
Examples:
  digest sandbox --port 8090
  digest sandbox --rows tests/data/phase/rows --now 2026-11-23T04:46:04Z --api april
"""


@click.command("sandbox", epilog=EXAMPLES)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 picks a free one.")
@click.option(
    "--rows",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Rows to serve: devices, sessions, events as .csv or .csv.gz, and keys.json.",
)
@click.option(
    "--api",
    type=click.Choice(["april", "current"]),
    default="current",
    show_default=True,
    help="Which version of the API to speak.",
)
@click.option("--now", type=Instant(), metavar="INSTANT", help="Freeze the data's time here.")
@click.option(
    "--rate-limit",
    type=click.IntRange(0),
    default=300,
    show_default=True,
    help="Requests a minute for each key and each address; 0 is off.",
)
def command(port: int, rows: Path | None, api: str, now: datetime | None, rate_limit: int) -> None:
    """Serve a Phase-compatible API on loopback until interrupted.

    The first line on stdout is JSON with base_url, app_id and api_key.
    """
    import json  # noqa: PLC0415 — `--help` does without

    from digest.demo import open_sandbox  # noqa: PLC0415 — heavy

    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):  # first of all: whoever reads the line may stop us
        signal.signal(name, lambda _signal, _frame: stop.set())
    with open_sandbox(rows=rows, api=api, now=now, rate_limit=rate_limit, port=port) as line:
        click.echo(json.dumps(line))
        stop.wait()
