"""Running an order: build and deliver, preview, send a test, look whether all can be reached."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from digest import pipeline
from digest.app import utc_now
from digest.app.orders import Order, recipient, wanted
from digest.app.parts import Sources, open_channel
from digest.app.trial import trial_content
from digest.channels.folder import write_preview
from digest.config.models import SlackChannel, SmtpChannel
from digest.config.problems import did_you_mean, quoted
from digest.core.content import Content, DeliveryKey, DeliveryKind, DeliveryState, Envelope, Receipt
from digest.core.report_model import Tone
from digest.errors import DeliveryError, DigestError, ExitCode, UsageError
from digest.render import Renderer, slack_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date
    from pathlib import Path

    from digest.config.models import Config
    from digest.core.content import Channel
    from digest.core.periods import Period
    from digest.pipeline import Built, Job, RunResult

    Progress = Callable[[str, int, int], None]

PREVIEW_SENDER = "digest@localhost"
PREVIEW_READER = "reader@localhost"
PREVIEW_SLACK = "#preview"

logger = logging.getLogger(__name__)


def run(config: Config, order: Order, progress: Progress) -> Iterator[RunResult]:
    """Build and deliver the digests of an order; one result each, as soon as it is known.

    What happens to one digest never stops the next.

    Raises UsageError for a digest that isn't there, a period of the wrong kind and a `to` that
    no channel takes, before anything is fetched.
    """
    now = order.now or utc_now()
    jobs = [wanted(config, name, order, now) for name in dict.fromkeys(order.names)]
    renderer = Renderer(config.templates)
    with Sources(config) as sources:

        def build(job: Job, period: Period) -> Built:
            source = sources.of(job.spec.app)
            return pipeline.build(
                job, period, source=source, renderer=renderer, now=now, progress=progress
            )

        for job, period in jobs:
            yield _run_one(config, order, job, period, build)


def _run_one(
    config: Config, order: Order, job: Job, period: Period, build: Callable[[Job, Period], Built]
) -> RunResult:
    try:
        built = build(job, period)
    except DigestError as error:
        return pipeline.RunResult(job=job.name, period=period.label, error=error)
    except Exception as error:
        logger.debug("%s broke here", job.name, exc_info=error)
        sentence = f"internal error ({type(error).__name__}); this is a defect of digest"
        return pipeline.RunResult(job=job.name, period=period.label, error=DigestError(sentence))
    now = order.now or utc_now()
    outgoing = pipeline.envelopes(built, date=now, test=order.to is not None)
    dry = order.dry_run
    receipts = tuple(_planned(outgoing.values())) if dry else _deliver(config, outgoing)
    return pipeline.RunResult(
        job=job.name,
        period=period.label,
        receipts=receipts,
        warnings=tuple(n.text for n in built.report.notes if n.tone is Tone.WARNING),
        ended_at=utc_now(),
        dry=dry,
    )


def _planned(batches: Iterable[tuple[Envelope, ...]]) -> Iterable[Receipt]:
    for batch in batches:
        for envelope in batch:
            yield Receipt(key=envelope.key, state=DeliveryState.PLANNED)


def _deliver(config: Config, outgoing: dict[str, tuple[Envelope, ...]]) -> tuple[Receipt, ...]:
    """Send what can be sent; a channel that can't even be made fails its own readers only."""
    usable: dict[str, Channel] = {}
    broken: dict[str, DeliveryError] = {}
    for name in outgoing:
        try:
            usable[name] = open_channel(config, name)
        except DeliveryError as error:
            broken[name] = error
    sent = pipeline.deliver({name: outgoing[name] for name in usable}, usable)
    return sent + tuple(
        Receipt(key=envelope.key, state=DeliveryState.FAILED, detail=str(error))
        for name, error in broken.items()
        for envelope in outgoing[name]
    )


def preview(
    config: Config, order: Order, out: Path, progress: Progress
) -> tuple[Built, list[Path]]:
    """Build one digest into a folder; gives it and its files. An unfinished period is built too.

    Raises UsageError when the folder can't be written.
    """
    now = order.now or utc_now()
    job, period = wanted(config, order.names[0], order, now)
    with Sources(config) as sources:
        built = pipeline.build(
            job,
            period,
            source=sources.of(job.spec.app),
            renderer=Renderer(config.templates),
            now=now,
            progress=progress,
            partial_ok=True,
        )
    page = slack_page(built.content.slack).encode()
    content = Content(
        email=built.content.email,
        slack=built.content.slack,
        files={**built.content.files, "slack.html": page},
    )
    sender, reader, slack = _preview_mailboxes(config, job)
    key = pipeline.key_of(built, channel="preview", recipient=reader, test=False)
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


def send_test(config: Config, name: str, to: str | None) -> RunResult:
    """Send a marked test message through one channel.

    Raises UsageError when there is no such channel or nobody to send to.
    """
    known = config.channels
    if name not in known:
        raise UsageError(
            f"there is no channel {quoted(name)}{did_you_mean(name, known)}; "
            f"the config has: {', '.join(known) or 'none'}"
        )
    now = utc_now()
    reader = recipient(config, name, to) if to is not None else _operator(config, name)
    period = now.date().isoformat()
    envelope = Envelope(
        key=DeliveryKey(
            install=pipeline.INSTALL,
            job="test",
            kind=DeliveryKind.TEST,
            # each test is a message of its own, so its key holds the second
            period=now.isoformat(timespec="seconds"),
            channel=name,
            recipient=reader,
        ),
        recipient=reader,
        content=trial_content(name, now),
        date=now,
        list_name="test",
        test=True,
    )
    receipts = _deliver(config, {name: (envelope,)})
    return pipeline.RunResult(job="test", period=period, receipts=receipts)


def _operator(config: Config, name: str) -> str:
    """Who hears about trouble there; for mail else the sender, for a folder the folder itself."""
    if config.ops.get(name):
        return config.ops[name][0]
    channel = config.channels[name]
    if isinstance(channel, SmtpChannel):
        return channel.sender
    if isinstance(channel, SlackChannel):
        raise UsageError(f"say where to: digest test {name} --to '#channel' (or set `ops`)")
    return "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one online check found; `exit_code` is OK when it went well."""

    what: str
    sentence: str
    exit_code: ExitCode = ExitCode.OK


def probe(config: Config) -> list[Finding]:
    """Try every Phase key, login and token without sending anything."""
    yesterday = utc_now().date() - timedelta(days=1)
    with Sources(config) as sources:
        found = [_probe_app(sources, name, yesterday) for name in config.apps]
    return found + [_probe_channel(config, name) for name in config.channels]


def _probe_app(sources: Sources, name: str, day: date) -> Finding:
    what = f"app {name}"
    try:
        sources.of(name).timeseries("sessions", "sessionCount", day, day + timedelta(days=1))
    except DigestError as error:
        return Finding(what=what, sentence=str(error), exit_code=error.exit_code)
    return Finding(what=what, sentence="the key opens the app")


def _probe_channel(config: Config, name: str) -> Finding:
    what = f"channel {name}"
    try:
        return Finding(what=what, sentence=open_channel(config, name).probe())
    except DigestError as error:
        return Finding(what=what, sentence=str(error), exit_code=error.exit_code)
