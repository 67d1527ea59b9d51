"""`digest check`: whether everything is in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from digest.cli.options import config_option, open_config
from digest.errors import ExitCode

if TYPE_CHECKING:
    from digest.config.models import Config

EXAMPLES = """\b
Examples:
  digest check
  digest check --online -c /etc/digest/config.yaml
"""


@click.command("check", epilog=EXAMPLES)
@click.option(
    "--online",
    is_flag=True,
    help="Also try each Phase key, SMTP login and Slack token, without sending.",
)
@config_option
@click.pass_context
def command(ctx: click.Context, config_path: str | None, *, online: bool) -> int:
    """Validate the config, the templates and the schedules.

    Problems go to stderr with their place in the file, and the exit code is 78; otherwise it
    prints OK.
    """
    from digest import app  # noqa: PLC0415 — heavy

    config = open_config(ctx, config_path)
    for remark in app.remarks(config):
        click.echo(f"warning: {remark}", err=True)
    _say_how_long_fetching_takes(config)
    _say_how_much_alerts_ask(config)
    app.check_templates(config)
    if online:
        from digest.app import probing  # noqa: PLC0415 — HTTP, SMTP and Slack are for this alone

        findings = probing.probe(config)
        for finding in findings:
            failed = finding.exit_code is not ExitCode.OK
            mark = "FAILED" if failed else "ok"
            click.echo(f"{mark:<6} {finding.what}: {finding.sentence}", err=failed)
        codes = {finding.exit_code for finding in findings}
        if codes - {ExitCode.OK}:
            return ExitCode.PUT_OFF if ExitCode.FAILED not in codes else ExitCode.FAILED
    click.echo("OK")
    return ExitCode.OK


def _say_how_long_fetching_takes(config: Config) -> None:
    """To stderr, and only where the API's limit makes a difference."""
    from digest.app import utc_now  # noqa: PLC0415 — heavy
    from digest.config.remarks import may_be_crowded  # noqa: PLC0415 — as above

    if not may_be_crowded(config):
        return
    from digest.app.forecast_text import crowding  # noqa: PLC0415 — not for a few digests

    known, warnings = crowding(config, utc_now())
    for sentence in warnings:
        click.echo(f"warning: {sentence}", err=True)
    for sentence in known:
        click.echo(f"busiest: {sentence}", err=True)


def _say_how_much_alerts_ask(config: Config) -> None:
    """To stderr, and only where it is too much."""
    if not config.alerts:
        return
    from digest.app import utc_now  # noqa: PLC0415 — heavy
    from digest.app.alert_load import overload  # noqa: PLC0415 — only for alerts

    for sentence in overload(config, utc_now()):
        click.echo(f"warning: {sentence}", err=True)
