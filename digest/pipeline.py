"""One digest, step by step: plan → fetch → report → charts → render → frozen in the ledger.

The steps are given their parts (source, renderer, ledger, the time); nothing here opens a
connection or reads a clock. Sending what was planned is the outbox's.
"""

from __future__ import annotations

import json
import logging
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from digest import charts, report
from digest.core.charting import chart_specs
from digest.core.content import DeliveryState
from digest.core.outbox import NEEDS_PERSON, OPEN
from digest.core.report_model import Note, Tone
from digest.core.steps import Step, reached
from digest.errors import DigestError, ExitCode, TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager
    from datetime import date, datetime

    from digest.core.alert_memory import Remembered
    from digest.core.charts_spec import NoChart
    from digest.core.content import Content, Picture
    from digest.core.metrics import Dimension
    from digest.core.outbox import Delivery
    from digest.core.periods import Period
    from digest.core.report_model import Report
    from digest.core.snapshots import Snapshot
    from digest.phase.models import BreakdownResult, TimeSeries
    from digest.report import DigestSpec, Finds, Source

    Progress = Callable[[str, int, int], None]

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
    """A digest that is ready to be planned, and the answers that it was made of.

    `troubles` are sentences for the operator: what failed without stopping the digest.
    """

    job: Job
    report: Report
    content: Content
    snapshots: tuple[Snapshot, ...] = ()
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What became of one digest: its deliveries as the ledger has them, or why there are none.

    `warnings` are the report's own, such as a part that could not be fetched. `before` says that
    it had been brought to an end earlier, so that nothing was done now. `stuck` are its channels
    that a person has to put right before anything can go through them.
    """

    job: str
    period: str
    deliveries: tuple[Delivery, ...] = ()
    error: DigestError | None = None
    warnings: tuple[str, ...] = ()
    dry: bool = False
    before: bool = False
    stuck: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """`sent`, `partly_sent`, `failed`, `put_off`, or `dry_run`."""
        if self.dry:
            return "dry_run"
        states = {held.state for held in self.deliveries}
        if self.error is not None and not states:
            return "put_off" if self.error.exit_code is ExitCode.PUT_OFF else "failed"
        if states <= {DeliveryState.SENT, DeliveryState.SKIPPED}:
            return "sent"
        if DeliveryState.SENT in states:
            return "partly_sent"
        return "failed" if states & NEEDS_PERSON else "put_off"

    @property
    def exit_code(self) -> ExitCode:
        """0 done, 1 something needs a person, 75 all that is missing can work later."""
        if self.dry:
            return ExitCode.OK
        states = {held.state for held in self.deliveries}
        if self.error is not None and self.error.exit_code is not ExitCode.PUT_OFF:
            return self.error.exit_code
        if states & NEEDS_PERSON or self.stuck:
            return ExitCode.FAILED
        return ExitCode.PUT_OFF if self.error is not None or states & OPEN else ExitCode.OK


class Answers(Protocol):
    """What was answered before, by question."""

    def get(self, key: tuple[Any, ...]) -> Any | None:
        """The answer, or None."""
        ...

    def keep(self, key: tuple[Any, ...], answer: Any) -> None:
        """Keep it for the next who asks."""
        ...


class EveryAnswer(dict[tuple[Any, ...], Any]):
    """All of them, for one run."""

    def keep(self, key: tuple[Any, ...], answer: Any) -> None:
        """Keep it for the next who asks."""
        self[key] = answer


class SharedSource:
    """A source that answers the same question once: digests of one app share their answers.

    `answers` may be those of several apps; `app` tells them apart there.
    """

    def __init__(
        self, source: Source, answers: Answers | None = None, app: tuple[str, ...] = ()
    ) -> None:
        self._source = source
        self._answers = EveryAnswer() if answers is None else answers
        self._app = app

    @property
    def requests_made(self) -> int:
        """How many requests went out so far, every try counted."""
        return self._source.requests_made

    def timeseries(self, report: str, metric: str, start: date, end: date) -> TimeSeries:
        """As the source's; failures are not remembered."""
        key = (*self._app, report, metric, start, end)
        answer: TimeSeries | None = self._answers.get(key)
        if answer is None:
            answer = self._source.timeseries(report, metric, start, end)
            self._answers.keep(key, answer)
        return answer

    def breakdown(
        self, dimension: Dimension, start: date | None, end: date | None, limit: int = 10
    ) -> BreakdownResult:
        """As the source's; failures are not remembered."""
        key = (*self._app, dimension, start, end, limit)
        answer: BreakdownResult | None = self._answers.get(key)
        if answer is None:
            answer = self._source.breakdown(dimension, start, end, limit)
            self._answers.keep(key, answer)
        return answer


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
    app_id: str = "",
    finds: Finds | None = None,
    partial_ok: bool = False,
    fallback: Renders | None = None,
    remembers: Callable[[], tuple[Remembered, ...]] = tuple,
    turn: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Built:
    """Fetch, compute, draw and render one digest; nothing is planned or sent.

    `finds` looks up earlier answers of the app, for changes that the API can't give. With
    `partial_ok` a period that is not over is built and marked partial. `fallback` renders when a
    template of `renderer` fails, and the digest says so. `remembers` gives what the app's alerts
    did. `turn` is held while it is computed, drawn and rendered, which is the processor's work.
    Raises PeriodNotOverError before any request when the period can't be over, PhaseError when
    there is nothing to report on, TemplateError when a template fails and there is no fallback.
    """
    plan = report.plan(job.spec, period, now, partial_ok=partial_ok)
    fetched = report.fetch(plan, source, _marked(progress))
    earlier = {} if finds is None else report.earlier_lists(plan, fetched, app_id, finds)
    with turn():
        made = report.assemble(plan, fetched, earlier=earlier, partial_ok=partial_ok)
        made = replace(made, alerts=remembers())
        reached(Step.RENDER_PRE)
        pictures = charts.draw(chart_specs(made, job.charts))
        troubles: tuple[str, ...] = ()
        try:
            content = renderer.content(made, pictures, _documents(made))
        except TemplateError as error:
            if fallback is None:
                raise
            made = _in_built_in_form(made, error)
            troubles = (_trouble(job, error),)
            content = fallback.content(made, pictures, _documents(made))
    reached(Step.ARTIFACT_POST)
    return Built(
        job=job,
        report=made,
        content=content,
        snapshots=report.kept(plan, fetched, app_id),
        troubles=troubles,
    )


def _documents(made: Report) -> dict[str, bytes]:
    body = json.dumps(report.to_json(made), indent=2, ensure_ascii=False, allow_nan=False)
    return {"report.json": body.encode()}


def _in_built_in_form(made: Report, error: TemplateError) -> Report:
    """The report with a banner that says why it looks otherwise; readers see no path."""
    what = f"The template {error.template}" if error.template else "A template of this digest"
    note = Note(text=f"{what} failed, so this is the built-in form.", tone=Tone.WARNING)
    return replace(made, notes=(note, *made.notes))


def _trouble(job: Job, error: TemplateError) -> str:
    """What the operator is told, and the log with it."""
    logger.warning(
        "template failed, built-in form used",
        extra={"action": "template_failed", "job": job.name, "error": str(error)},
    )
    return f"{job.name} has the built-in form, because a template failed: {error}"


def _marked(progress: Progress) -> Progress:
    """Progress that is also a step: after the first question, before the rest."""

    def told(what: str, done: int, total: int) -> None:
        if done > 1:
            reached(Step.FETCH_MID)
        progress(what, done, total)

    return told
