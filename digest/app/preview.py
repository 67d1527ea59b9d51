"""Building one digest or alert into a folder, to be looked at. Nothing is planned or sent."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from digest import pipeline
from digest.app import utc_now
from digest.app.alert_memory import memory_of
from digest.app.orders import Order, wanted
from digest.app.parts import Sources, place_of
from digest.app.rendering import renderer_of
from digest.channels.folder import write_preview
from digest.config.models import SlackChannel, SmtpChannel
from digest.config.problems import did_you_mean, quoted
from digest.core.content import Content, DeliveryKey, DeliveryKind, Envelope
from digest.errors import StoreError, UsageError
from digest.render import slack_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from digest.config.alerts import Alert
    from digest.config.models import Config
    from digest.store.reading import Reading

    Progress = Callable[[str, int, int], None]

PREVIEW_SENDER = "digest@localhost"
PREVIEW_READER = "reader@localhost"
PREVIEW_SLACK = "#preview"


def preview(config: Config, order: Order, out: Path, progress: Progress) -> tuple[str, list[Path]]:
    """Build one digest or alert into a folder; gives a remark and the files.

    The remark says that the period is not over, or that the alert would not fire. Raises
    UsageError when the folder can't be written.
    """
    now = order.now or utc_now()
    name = order.names[0]
    if name in config.alerts and name not in config.digests:
        return _alert(config, config.alerts[name], order, out, progress)
    if name not in config.digests and config.alerts:
        known = [*config.digests, *config.alerts]
        raise UsageError(
            f"there is no digest or alert {quoted(name)}{did_you_mean(name, known)}; "
            f"the config has: {', '.join(known)}"
        )
    job, period = wanted(config, name, order, now)
    with Sources(config) as sources, _finds(config) as finds:
        built = pipeline.build(
            job,
            period,
            source=sources.of(job.spec.app),
            renderer=renderer_of(config),
            now=now,
            progress=progress,
            app_id=config.apps[job.spec.app].app_id,
            finds=finds,
            remembers=lambda: memory_of(config, job, period, now, finds),
            partial_ok=True,
        )
    remark = "the period is not over; this preview is partial" if built.report.partial else ""
    key = _key(job.name, DeliveryKind.DIGEST, period.label)
    return remark, _written(
        config,
        job.to,
        Envelope(
            key=key, recipient=PREVIEW_READER, content=built.content, date=now, list_name=job.name
        ),
        out,
    )


def _alert(
    config: Config, alert: Alert, order: Order, out: Path, progress: Progress
) -> tuple[str, list[Path]]:
    from digest.app.alert_preview import build_alert  # noqa: PLC0415 — only for alerts

    now = order.now or utc_now()
    built = build_alert(config, alert, order.period, now, progress)
    bucket = built.sight.bucket.label
    remark = "" if built.fires else f"it would not fire: {built.sight.observation.reason}"
    key = _key(alert.name, DeliveryKind.ALERT, f"firing-{bucket}")
    return remark, _written(
        config,
        alert.to,
        Envelope(
            key=key, recipient=PREVIEW_READER, content=built.content, date=now, list_name=alert.name
        ),
        out,
    )


def _key(job: str, kind: DeliveryKind, period: str) -> DeliveryKey:
    return DeliveryKey(
        install="preview",
        job=job,
        kind=kind,
        period=period,
        channel="preview",
        recipient=PREVIEW_READER,
    )


def _written(
    config: Config, to: Mapping[str, tuple[str, ...]], made: Envelope, out: Path
) -> list[Path]:
    found = made.content
    page = slack_page(found.slack).encode()
    content = Content(
        email=found.email, slack=found.slack, files={**found.files, "slack.html": page}
    )
    sender, reader, slack = _preview_mailboxes(config, to)
    try:
        return write_preview(
            out,
            content,
            sender=sender,
            recipient=reader,
            slack_channel=slack,
            date=made.date,
            key=replace(made.key, recipient=reader),
        )
    except OSError as error:
        raise UsageError(f"{out} can't be written: {error.strerror}") from error


def _preview_mailboxes(config: Config, to: Mapping[str, tuple[str, ...]]) -> tuple[str, str, str]:
    """Sender, first reader and first Slack channel of a job, or stand-ins."""
    sender, reader, slack = PREVIEW_SENDER, PREVIEW_READER, PREVIEW_SLACK
    for name, recipients in reversed(list(to.items())):
        channel = config.channels[name]
        if isinstance(channel, SmtpChannel):
            sender, reader = channel.sender, recipients[0]
        elif isinstance(channel, SlackChannel):
            slack = recipients[0]
    return sender, reader, slack


@contextmanager
def _finds(config: Config) -> Iterator[Reading | None]:
    """Earlier answers, where there is a ledger already; a preview does without one."""
    place = place_of(config)
    if place.path is not None and not place.path.exists():
        yield None
        return
    from digest.app import ledger  # noqa: PLC0415 — SQLAlchemy is for those who have a ledger

    with ExitStack() as closing:
        found: Reading | None = None
        with suppress(StoreError):
            found = closing.enter_context(ledger.reading(config))
        yield found
