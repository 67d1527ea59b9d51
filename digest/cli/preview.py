"""`digest preview`: build a digest or an alert and look at it; nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from digest.cli.options import Progress, config_option, now_option, open_config

if TYPE_CHECKING:
    from datetime import datetime


EXAMPLES = """\b
Examples:
  digest preview monday-email --out preview
  digest preview monday-email --period 2026-W47 --out preview
  digest preview bounce-rate-spike --out preview
"""


@click.command("preview", epilog=EXAMPLES)
@click.argument("name")
@click.option("--period", metavar="P", help="2026-W47, 2026-11-22 or 2026-11 (default: the last).")
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write to; made if it isn't there.",
)
@now_option
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    name: str,
    period: str | None,
    out: Path,
    now: datetime | None,
    config_path: str | None,
) -> None:
    """Build a digest or an alert's message into a folder.

    Nothing is sent. Writes email.html, email.txt, email.eml, slack.json, slack.html, report.json
    and the charts. A period that is not over is built as it stands and marked partial. An alert is
    shown as if it fired now.
    """
    from digest.app import orders  # noqa: PLC0415 — heavy
    from digest.app.preview import preview  # noqa: PLC0415 — heavy

    config = open_config(ctx, config_path)
    order = orders.Order(names=(name,), period=period, now=now)
    with Progress() as progress:
        remark, written = preview(config, order, out, progress)
    if remark:
        click.echo(f"{name}: {remark}", err=True)
    for path in written:
        click.echo(str(path))
