"""`digest jobs`: when each digest runs next, and what it will cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.options import config_option, json_option, now_option, open_config, utc_text

if TYPE_CHECKING:
    from datetime import datetime

    from digest.config.models import Digest


EXAMPLES = """\b
Example:
  digest jobs --next 5
"""


@click.command("jobs", epilog=EXAMPLES)
@click.option(
    "--next",
    "count",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    metavar="N",
    help="How many coming fire times to list for each digest.",
)
@json_option
@now_option
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    count: int,
    now: datetime | None,
    config_path: str | None,
    *,
    as_json: bool,
) -> None:
    """List every digest with its next fire times.

    They are given in the schedule's zone and in UTC, each with the period that it covers.
    """
    import json  # noqa: PLC0415 — `--help` does without

    from digest import app  # noqa: PLC0415 — heavy

    config = open_config(ctx, config_path)
    at = now or app.utc_now()
    listed = [_job_json(job, at, count) for job in config.digests.values()]
    if as_json:
        click.echo(json.dumps(listed, indent=2))
        return
    for job in listed:
        off = "" if job["enabled"] else ", switched off"
        click.echo(f"{job['name']}  ({job['schedule']}, {job['timezone']}{off})")
        for fire in job["next"]:
            wait = f", waits until {fire['ready_at']}" if fire["ready_at"] else ""
            click.echo(f"  {fire['local']}  {fire['utc']}  covers {fire['period']}{wait}")


def _job_json(job: Digest, now: datetime, count: int) -> dict[str, Any]:
    from digest.config.schedule import upcoming  # noqa: PLC0415 — heavy

    fires = upcoming(job, now, count) if job.enabled else []
    return {
        "name": job.name,
        "kind": "digest",
        "app": job.app,
        "enabled": job.enabled,
        "schedule": job.schedule.phrase,
        "timezone": job.schedule.timezone,
        "next": [
            {
                "local": fire.local.isoformat(),
                "utc": utc_text(fire.utc),
                "period": fire.period.label,
                "ready_at": utc_text(fire.ready_at) if fire.ready_at > fire.utc else None,
            }
            for fire in fires
        ],
    }
