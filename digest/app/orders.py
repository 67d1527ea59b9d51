"""What a command asks for → which job, which period, to whom. No I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from digest.config.models import SlackChannel, SmtpChannel
from digest.config.problems import BadValueError, did_you_mean, quoted
from digest.config.recipients import recipients
from digest.config.schedule import period_for
from digest.core.periods import Period, parse_period
from digest.errors import UsageError
from digest.pipeline import Job
from digest.report import DigestSpec

if TYPE_CHECKING:
    from datetime import datetime

    from digest.config.models import Config, Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one command asks for: which digests, of which period, at what time, for whom."""

    names: tuple[str, ...]
    period: str | None = None
    now: datetime | None = None
    to: str | None = None
    dry_run: bool = False
    force: bool = False


def wanted(config: Config, name: str, order: Order, now: datetime) -> tuple[Job, Period]:
    """The job of that name and the period to build.

    Raises UsageError for a digest that isn't there, a period of another kind than the digest's,
    and a `to` that no channel takes.
    """
    known = config.digests
    if name not in known and name in config.alerts:
        raise UsageError(
            f"{quoted(name)} is an alert, not a digest; digest alerts check {name} looks at it now"
        )
    if name not in known:
        raise UsageError(
            f"there is no digest {quoted(name)}{did_you_mean(name, known)}; "
            f"the config has: {', '.join(known) or 'none'}"
        )
    digest = known[name]
    job = job_of(config, digest)
    if order.to is not None:
        job = replace(job, to=redirected(config, order.to))
    return job, _period(digest, order.period, now)


def job_of(config: Config, digest: Digest) -> Job:
    """A digest as configured → what the pipeline needs."""
    return Job(
        spec=DigestSpec(
            job=digest.name,
            app=digest.app,
            app_title=config.apps[digest.app].title,
            kind=digest.period,
            title=digest.title or "",
            metrics=digest.metrics,
            breakdowns=digest.breakdowns,
            baseline=digest.baseline,
            locale=config.locale,
            timezone=digest.timezone,
            settle=digest.settle.total_seconds(),
        ),
        charts=tuple(str(chart) for chart in digest.charts),
        to=dict(digest.to),
    )


def _period(digest: Digest, label: str | None, now: datetime) -> Period:
    """The period that was named, or the last one complete by the job's own calendar."""
    if label is None:
        return period_for(digest.period, now.astimezone(ZoneInfo(digest.timezone)))
    try:
        period = parse_period(label)
    except ValueError as error:
        raise UsageError(f"--period: {error}") from None
    if period.kind is not digest.period:
        raise UsageError(
            f"--period: {digest.name} is about a {digest.period}; {label} is a {period.kind}"
        )
    return period


def redirected(config: Config, to: str) -> dict[str, tuple[str, ...]]:
    """Where `--to` goes: an address to the first SMTP channel, a channel to the first Slack."""
    kind = SmtpChannel if "@" in to else SlackChannel
    name = next((n for n, channel in config.channels.items() if isinstance(channel, kind)), None)
    if name is None:
        lacking = "an SMTP" if kind is SmtpChannel else "a Slack"
        raise UsageError(f"--to {quoted(to)} needs {lacking} channel; the config has none")
    return {name: (recipient(config, name, to),)}


def recipient(config: Config, channel: str, to: str) -> str:
    """`to` as this channel's config would have it. Raises UsageError when it can't be one."""
    try:
        (only,) = recipients(config.channels[channel].type, to)
    except BadValueError as error:
        raise UsageError(f"--to {quoted(to)}: {error}") from None
    return only
