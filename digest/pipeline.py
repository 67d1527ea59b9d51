"""One digest, step by step: plan → fetch → report → charts → render → deliver.

The steps are given their parts (source, renderer, channels, the time); nothing here opens a
connection or reads a clock. One failing channel never stops another.
"""

from __future__ import annotations

import json
import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from digest import charts, report
from digest.core.charting import chart_specs
from digest.core.content import (
    Content,
    DeliveryKey,
    DeliveryKind,
    DeliveryState,
    Envelope,
    Receipt,
)
from digest.errors import DigestError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from digest.core.charts_spec import NoChart
    from digest.core.content import Channel, Picture
    from digest.core.metrics import Dimension
    from digest.core.periods import Period
    from digest.core.report_model import Report
    from digest.phase.models import BreakdownResult, TimeSeries
    from digest.report import DigestSpec, Source

    Progress = Callable[[str, int, int], None]

INSTALL = "digest"  # one fixed install until the ledger hands out its own id

logger = logging.getLogger(__name__)


class Renders(Protocol):
    """What the pipeline needs of a renderer."""

    def content(
        self,
        report: Report,
        pictures: tuple[Picture | NoChart, ...],
        files: Mapping[str, bytes] | None = None,
    ) -> Content:
        """Every form of the report."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One digest as configured: what it shows, and who gets it (channel name → recipients)."""

    spec: DigestSpec
    charts: tuple[str, ...]
    to: Mapping[str, tuple[str, ...]]

    @property
    def name(self) -> str:
        """The digest's name in the config."""
        return self.spec.job


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A digest that is ready to be sent."""

    job: Job
    report: Report
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What became of one digest: its receipts, or the error that stopped it before sending.

    `warnings` are the report's own, such as a part that could not be fetched. `ended_at` is when
    the last channel was done, by the machine's clock, UTC.
    """

    job: str
    period: str
    receipts: tuple[Receipt, ...] = ()
    error: DigestError | None = None
    warnings: tuple[str, ...] = ()
    ended_at: datetime | None = None
    dry: bool = False

    @property
    def state(self) -> str:
        """`sent`, `partly sent`, `failed`, `put off`, or `dry run`."""
        if self.error is not None:
            return "put_off" if self.error.exit_code is ExitCode.PUT_OFF else "failed"
        if self.dry:
            return "dry_run"
        states = {receipt.state for receipt in self.receipts}
        if states <= {DeliveryState.SENT, DeliveryState.SKIPPED}:
            return "sent"
        if DeliveryState.SENT in states:
            return "partly_sent"
        return "put_off" if states == {DeliveryState.RETRY_WAIT} else "failed"

    @property
    def exit_code(self) -> ExitCode:
        """0 done, 1 something needs a person, 75 all that is missing can work later."""
        if self.error is not None:
            return self.error.exit_code
        states = {receipt.state for receipt in self.receipts}
        if states & {DeliveryState.FAILED, DeliveryState.UNCERTAIN}:
            return ExitCode.FAILED
        return ExitCode.PUT_OFF if DeliveryState.RETRY_WAIT in states else ExitCode.OK


class SharedSource:
    """A source that answers the same question once: digests of one app share their answers."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._series: dict[tuple[str, str, date, date], TimeSeries] = {}
        self._lists: dict[tuple[Dimension, date | None, date | None, int], BreakdownResult] = {}

    @property
    def requests_made(self) -> int:
        """How many requests went out so far, every try counted."""
        return self._source.requests_made

    def timeseries(self, report: str, metric: str, start: date, end: date) -> TimeSeries:
        """As the source's; failures are not remembered."""
        key = (report, metric, start, end)
        if key not in self._series:
            self._series[key] = self._source.timeseries(*key)
        return self._series[key]

    def breakdown(
        self, dimension: Dimension, start: date | None, end: date | None, limit: int = 10
    ) -> BreakdownResult:
        """As the source's; failures are not remembered."""
        key = (dimension, start, end, limit)
        if key not in self._lists:
            self._lists[key] = self._source.breakdown(*key)
        return self._lists[key]


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code of several runs: 1 beats 75, anything beats 0."""
    order = (ExitCode.OK, ExitCode.PUT_OFF, ExitCode.FAILED, ExitCode.USAGE, ExitCode.CONFIG)
    return max(codes, key=order.index, default=ExitCode.OK)


def build(
    job: Job,
    period: Period,
    *,
    source: Source,
    renderer: Renders,
    now: datetime,
    progress: Progress,
    partial_ok: bool = False,
) -> Built:
    """Fetch, compute, draw and render one digest; nothing is sent.

    With `partial_ok` a period that is not over is built and marked partial. Raises
    PeriodNotOverError before any request when the period can't be over, PhaseError when there
    is nothing to report on, TemplateError when a template fails.
    """
    plan = report.plan(job.spec, period, now, partial_ok=partial_ok)
    fetched = report.fetch(plan, source, progress)
    made = report.assemble(plan, fetched, partial_ok=partial_ok)
    pictures = charts.draw(chart_specs(made, job.charts))
    body = json.dumps(report.to_json(made), indent=2, ensure_ascii=False, allow_nan=False)
    content = renderer.content(made, pictures, {"report.json": body.encode()})
    return Built(job=job, report=made, content=content)


def key_of(built: Built, *, channel: str, recipient: str, test: bool) -> DeliveryKey:
    """The identity of one delivery of a digest."""
    return DeliveryKey(
        install=INSTALL,
        job=built.job.name,
        kind=DeliveryKind.TEST if test else DeliveryKind.DIGEST,
        period=built.report.period.label,
        channel=channel,
        recipient=recipient,
    )


def envelopes(
    built: Built, *, date: datetime, test: bool = False
) -> dict[str, tuple[Envelope, ...]]:
    """What each channel is to send: one envelope for each recipient."""
    return {
        channel: tuple(
            Envelope(
                key=key_of(built, channel=channel, recipient=recipient, test=test),
                recipient=recipient,
                content=built.content,
                date=date,
                list_name=built.job.name,
                test=test,
            )
            for recipient in recipients
        )
        for channel, recipients in built.job.to.items()
    }


def deliver(
    outgoing: Mapping[str, tuple[Envelope, ...]], channels: Mapping[str, Channel]
) -> tuple[Receipt, ...]:
    """Send through every channel at once; one receipt for each envelope, whatever happens."""
    if not outgoing:
        return ()
    pool = ThreadPoolExecutor(max_workers=len(outgoing))
    try:
        pending = {
            name: pool.submit(channels[name].deliver, batch) for name, batch in outgoing.items()
        }
        wait(pending.values())
    finally:
        pool.shutdown(wait=False)  # all are done, or else we were told to stop
    return tuple(
        receipt
        for name, future in pending.items()
        for receipt in _receipts(name, future, outgoing[name])
    )


def _receipts(
    channel: str, future: Future[tuple[Receipt, ...]], batch: Sequence[Envelope]
) -> tuple[Receipt, ...]:
    """A channel's receipts, or one failure for each envelope when the channel itself broke."""
    error = future.exception()
    if error is None:
        return future.result()
    logger.error("channel broke", extra={"action": "channel_broke", "channel": channel})
    logger.debug("channel broke here", exc_info=error)
    detail = (
        str(error)
        if isinstance(error, DigestError)
        else (f"channel {channel!r} broke ({type(error).__name__}); this is a defect of digest")
    )
    # It is not known how far the channel came, so nothing is claimed either way.
    return tuple(
        Receipt(key=envelope.key, state=DeliveryState.UNCERTAIN, detail=detail)
        for envelope in batch
    )
