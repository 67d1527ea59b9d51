"""`digest demo`: see it work, on embedded parts."""

from __future__ import annotations

from pathlib import Path

import click

from digest.cli.options import Progress

EXAMPLES = """\b
Example:
  digest demo --out demo-out
"""


@click.command("demo", epilog=EXAMPLES)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="demo-out",
    show_default=True,
    metavar="DIR",
    help="Where to put what was sent.",
)
def command(out: Path) -> None:
    """Send a digest, a summary and an alert to embedded servers.

    A Phase sandbox with sample data, a mail server and a Slack run on loopback while it works; no
    account, no server, no key.
    """
    from digest import app, demo  # noqa: PLC0415 — heavy

    with Progress() as progress:
        shown = demo.show(out, app.utc_now(), progress)
    for sentence in shown.sentences:
        click.echo(sentence)
    click.echo(f"open {shown.page}")
