"""`digest status`: how things stand, and whether a person is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.options import config_option, json_option, open_config, utc_text
from digest.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.app.deciding import Status
    from digest.core.agenda import Due
    from digest.core.outbox import Delivery

EXAMPLES = """\b
Examples:
  digest status
  digest status --json | jq .needs_person
"""


@click.command("status", epilog=EXAMPLES)
@json_option
@config_option
@click.pass_context
def command(ctx: click.Context, config_path: str | None, *, as_json: bool) -> int:
    """Show how things stand.

    Runs, deliveries by state, channels in trouble, alerts that are not ok, and what needs a
    person: then it exits with 1.
    """
    import json  # noqa: PLC0415 — `--help` does without

    from digest.app import deciding  # noqa: PLC0415 — heavy

    found = deciding.status(open_config(ctx, config_path))
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2))
    else:
        _tell(found)
    return ExitCode.OK if found.ok else ExitCode.FAILED


def _as_json(found: Status) -> dict[str, Any]:
    from digest.cli.alert_shapes import standing_json  # noqa: PLC0415 — not for `--help`

    return {
        "ok": found.ok,
        "runs": [
            {
                "job": one.run.job,
                "kind": one.run.kind,
                "period": one.run.period,
                "generation": one.run.generation,
                "planned_at": utc_text(one.run.planned_at),
                "deadline": utc_text(one.run.deadline),
                "deliveries": _counts(one.counts),
            }
            for one in found.runs
        ],
        "deliveries": _counts(found.counts),
        "alerts": [standing_json(one) for one in found.alerts],
        "channels": [
            {
                "name": hold.channel,
                "since": utc_text(hold.since),
                "until": utc_text(hold.until),
                "needs_person": not hold.passing,
                "reason": hold.reason,
            }
            for hold in found.holds
        ],
        "missed": [_due(due) for due in found.missed],
        "waiting": [_due(due) for due in found.waiting],
        "troubles": [
            {"since": utc_text(one.since), "sentence": one.sentence} for one in found.troubles
        ],
        "needs_person": [_need(held) for held in found.needs_person],
    }


def _due(due: Due) -> dict[str, Any]:
    return {
        "job": due.job,
        "period": due.period,
        "due_at": utc_text(due.due_at),
        "ready_at": utc_text(due.ready_at),
        "next_try": None if due.next_try is None else utc_text(due.next_try),
        "deadline": utc_text(due.deadline),
        "reason": due.reason or None,
    }


def _need(held: Delivery) -> dict[str, Any]:
    from digest.cli.shapes import delivery_json  # noqa: PLC0415 — only for `--json`

    return delivery_json(held)


def _counts(counts: Mapping[Any, int]) -> dict[str, int]:
    return {str(state): count for state, count in sorted(counts.items())}


def _tell(found: Status) -> None:
    from digest.cli.alert_shapes import tell_noteworthy  # noqa: PLC0415 — not for `--help`

    if not found.runs:
        click.echo("nothing was sent yet")
    for one in found.runs:
        counts = ", ".join(f"{count} {state}" for state, count in _counts(one.counts).items())
        kind = "" if one.run.kind == "digest" else f" ({one.run.kind})"
        click.echo(f"{one.run.job} {one.run.period}{kind}: {counts or 'purged'}")
    for hold in found.holds:
        until = f"{utc_text(hold.until)[:16]}Z"
        click.echo(f"channel {hold.channel} is left alone until {until}: {hold.reason}")
    for trouble in found.troubles:
        click.echo(f"trouble since {utc_text(trouble.since)[:16]}Z: {trouble.sentence}")
    tell_noteworthy(found.alerts)
    for due in found.waiting:
        click.echo(f"{due.job} {due.period} waits{': ' if due.reason else ''}{due.reason}")
    for due in found.missed:
        click.echo(
            f"{due.job} {due.period} was missed: {due.reason}\n"
            f"  if it is still wanted: digest run {due.job} --period {due.period}"
        )
    if found.needs_person:
        click.echo(f"needs a person ({len(found.needs_person)}):")
    for held in found.needs_person:
        click.echo(
            f"  {held.key.digest[:8]} {held.state} {held.key.job} {held.key.period} "
            f"{held.key.channel}: {held.key.recipient} ({held.last_error})"
        )
