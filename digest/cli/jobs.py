"""`digest jobs`: when each digest runs and each alert is looked at next, and what that covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.options import config_option, json_option, now_option, open_config, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from digest.app.forecast import Outlook
    from digest.config.alerts import Alert
    from digest.config.models import Config, Digest
    from digest.config.schedule import Fire


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
    help="How many coming fire times to list for each.",
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
    """List every digest and alert with its next fire times.

    They are given in the schedule's zone and in UTC, each with the period that it covers. Below
    stands what comes next: how many requests it takes, and when digest serve starts to fetch.
    """
    import json  # noqa: PLC0415 — `--help` does without

    from digest.app import forecast, utc_now  # noqa: PLC0415 — heavy

    config = open_config(ctx, config_path)
    at = now or utc_now()
    found = forecast.outlook(config, at, count)
    listed = list(map(_job_json, config.digests.values(), found.fires, found.requests))
    for job in listed:
        start = found.starts.get(job["name"])
        job["fetch_at"] = utc_text(start.start_at.replace(microsecond=0)) if start else None
    listed += [_alert_json(alert, at, count) for alert in config.alerts.values()]
    if as_json:
        click.echo(json.dumps(listed, indent=2))
        return
    click.echo("".join(f"{line}\n" for line in _lines(config, listed, found)), nl=False)


def _job_json(job: Digest, fires: tuple[Fire, ...], requests: int | None) -> dict[str, Any]:
    return {
        "name": job.name,
        "kind": "digest",
        "app": job.app,
        "enabled": job.enabled,
        "schedule": job.schedule.phrase,
        "timezone": job.schedule.timezone,
        "requests": requests,
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


def _alert_json(alert: Alert, now: datetime, count: int) -> dict[str, Any]:
    """A look at a closed window waits until that has settled; which one is judged once."""
    from digest.app.alert_looks import coming  # noqa: PLC0415 — as above

    looks = coming(alert, now, count) if alert.enabled else []
    return {
        "name": alert.name,
        "kind": "alert",
        "app": alert.app,
        "enabled": alert.enabled,
        "schedule": alert.schedule.phrase,
        "timezone": alert.schedule.timezone,
        "requests": looks[0].requests if looks else None,
        "next": [
            {
                "local": look.local.isoformat(),
                "utc": utc_text(look.local),
                "period": look.bucket.period.label,
                "ready_at": utc_text(look.bucket.ready_at)
                if look.bucket.ready_at > look.local
                else None,
            }
            for look in looks
        ],
        "fetch_at": None,
    }


def _lines(config: Config, listed: list[dict[str, Any]], found: Outlook) -> Iterator[str]:
    from digest.app.forecast_text import in_words  # noqa: PLC0415 — as above

    for job in listed:
        noun = "request" if job["requests"] == 1 else "requests"
        asks = f"; {job['requests']} {noun}" if job["requests"] else ""
        off = "" if job["enabled"] else ", switched off"
        yield f"{job['name']}  ({job['schedule']}, {job['timezone']}{off}{asks})"
        for fire in job["next"]:
            wait = f", waits until {fire['ready_at']}" if fire["ready_at"] else ""
            verb = "covers" if job["kind"] == "digest" else "looks at"
            yield f"  {fire['local']}  {fire['utc']}  {verb} {fire['period']}{wait}"
    if found.next:
        yield ""
    for wave in found.next:
        yield f"next: {in_words(wave, config)}"
