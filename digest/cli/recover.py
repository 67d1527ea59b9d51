"""`digest recover`: go on with a ledger that is older than it was."""

from __future__ import annotations

import click

from digest.cli.options import config_option, open_config

EXAMPLES = """\b
Example:
  digest recover --accept-older-db
"""


@click.command("recover", epilog=EXAMPLES)
@click.option(
    "--accept-older-db",
    is_flag=True,
    required=True,
    help="Yes: the newest copy is lost, go on with the one that is there.",
)
@config_option
@click.pass_context
def command(ctx: click.Context, config_path: str | None, *, accept_older_db: bool) -> None:
    """Go on with an older ledger, or a new one.

    For when an older copy was put back, or the ledger was lost.

    Nothing is sent again by itself: what it has waiting is held for a person, and older periods
    that it does not know are sent only with `digest run --force`.
    """
    del accept_older_db  # required: saying it is the point
    from digest.app import deciding  # noqa: PLC0415 — heavy

    held = deciding.recover(open_config(ctx, config_path))
    click.echo(
        f"going on with this ledger; {held:,} deliveries are held: digest deliveries --failed"
    )
