"""`digest test CHANNEL`: a marked test message."""

from __future__ import annotations

import click

from digest.cli.options import config_option, open_config

EXAMPLES = """\b
Examples:
  digest test mail --to me@example.com
  digest test slack --to '#ops'
"""


@click.command("test", epilog=EXAMPLES)
@click.argument("channel")
@click.option("--to", metavar="ADDRESS", help="An address, a Slack channel or a folder.")
@config_option
@click.pass_context
def command(ctx: click.Context, channel: str, to: str | None, config_path: str | None) -> int:
    """Send a marked test message through CHANNEL.

    Without --to it goes to where the operator hears about trouble (`ops`), or, for mail, to the
    sender's own address.
    """
    from digest import pipeline  # noqa: PLC0415 — heavy
    from digest.app import trial  # noqa: PLC0415 — heavy
    from digest.cli.signals import stoppable  # noqa: PLC0415 — only for those who send

    config = open_config(ctx, config_path)
    with stoppable() as stop:
        result = trial.send_test(config, channel, to, stop)
    for held in result.deliveries:
        why = f" ({held.last_error})" if held.last_error else ""
        click.echo(f"{held.state} {held.key.channel}: {held.key.recipient}{why}")
    return pipeline.worst([result.exit_code])
