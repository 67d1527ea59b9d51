"""Building one digest into a folder, to be looked at. Nothing is planned or sent."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from digest import pipeline
from digest.app import utc_now
from digest.app.orders import Order, wanted
from digest.app.parts import Sources, place_of
from digest.app.rendering import renderer_of
from digest.channels.folder import write_preview
from digest.config.models import SlackChannel, SmtpChannel
from digest.core.content import Content, DeliveryKey, DeliveryKind
from digest.errors import StoreError, UsageError
from digest.render import slack_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from digest.config.models import Config
    from digest.pipeline import Built, Job
    from digest.report import Finds

    Progress = Callable[[str, int, int], None]

PREVIEW_SENDER = "digest@localhost"
PREVIEW_READER = "reader@localhost"
PREVIEW_SLACK = "#preview"


def preview(
    config: Config, order: Order, out: Path, progress: Progress
) -> tuple[Built, list[Path]]:
    """Build one digest into a folder; gives it and its files. An unfinished period is built too.

    Raises UsageError when the folder can't be written.
    """
    now = order.now or utc_now()
    job, period = wanted(config, order.names[0], order, now)
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
            partial_ok=True,
        )
    page = slack_page(built.content.slack).encode()
    content = Content(
        email=built.content.email,
        slack=built.content.slack,
        files={**built.content.files, "slack.html": page},
    )
    sender, reader, slack = _preview_mailboxes(config, job)
    key = DeliveryKey(
        install="preview",
        job=job.name,
        kind=DeliveryKind.DIGEST,
        period=period.label,
        channel="preview",
        recipient=reader,
    )
    try:
        written = write_preview(
            out, content, sender=sender, recipient=reader, slack_channel=slack, date=now, key=key
        )
    except OSError as error:
        raise UsageError(f"{out} can't be written: {error.strerror}") from error
    return built, written


def _preview_mailboxes(config: Config, job: Job) -> tuple[str, str, str]:
    """Sender, first reader and first Slack channel of the job, or stand-ins."""
    sender, reader, slack = PREVIEW_SENDER, PREVIEW_READER, PREVIEW_SLACK
    for name, recipients in reversed(list(job.to.items())):
        channel = config.channels[name]
        if isinstance(channel, SmtpChannel):
            sender, reader = channel.sender, recipients[0]
        elif isinstance(channel, SlackChannel):
            slack = recipients[0]
    return sender, reader, slack


@contextmanager
def _finds(config: Config) -> Iterator[Finds | None]:
    """Earlier answers, where there is a ledger already; a preview does without one."""
    place = place_of(config)
    if place.path is not None and not place.path.exists():
        yield None
        return
    from digest.app import ledger  # noqa: PLC0415 — SQLAlchemy is for those who have a ledger

    with ExitStack() as closing:
        found: Finds | None = None
        with suppress(StoreError):
            found = closing.enter_context(ledger.reading(config))
        yield found
