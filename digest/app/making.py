"""Making one digest of one period: build it, freeze it for each reader, write it down."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest import pipeline
from digest.app.alert_memory import memory_of
from digest.app.rendering import fallback_of, renderer_of
from digest.core.content import DeliveryKind
from digest.core.report_model import Tone
from digest.outbox.planning import Mailing, frozen
from digest.store.planned import NewRun

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from digest.app.alert_memory import HasAlerts
    from digest.config.models import Config
    from digest.core.content import Channel
    from digest.core.periods import Period
    from digest.pipeline import Built, Job, Renders
    from digest.report import Finds, Source
    from digest.store.ledger import Ledger
    from digest.store.rows import Run

    Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a digest is written down.

    It is tried until `deadline` and not sent before `not_before` (None: at once). `date` is the
    instant that stands in its messages. `supersedes` is the older run that it takes the place of.
    """

    kind: DeliveryKind = DeliveryKind.DIGEST
    now: datetime
    date: datetime
    deadline: datetime
    not_before: datetime | None = None
    supersedes: Run | None = None

    @property
    def generation(self) -> int:
        """One more than that of the older run."""
        return 0 if self.supersedes is None else self.supersedes.generation + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes digests by one config; its parts may be used by several threads."""

    config: Config
    renderer: Renders
    fallback: Renders | None

    @classmethod
    def of(cls, config: Config) -> Maker:
        """With the config's templates."""
        return cls(config=config, renderer=renderer_of(config), fallback=fallback_of(config))

    def build(
        self,
        job: Job,
        period: Period,
        *,
        source: Source,
        now: datetime,
        progress: Progress,
        finds: Finds | None,
        alerts: HasAlerts | None = None,
        turn: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Built:
        """Everything but writing it down. Raises as `pipeline.build` does."""
        return pipeline.build(
            job,
            period,
            source=source,
            renderer=self.renderer,
            now=now,
            progress=progress,
            app_id=self.config.apps[job.spec.app].app_id,
            finds=finds,
            fallback=self.fallback,
            remembers=lambda: memory_of(self.config, job, period, now, alerts),
            turn=turn,
        )

    def plan(
        self, built: Built, ledger: Ledger, channel: Callable[[str], Channel], terms: Terms
    ) -> Run | None:
        """Write it down for each reader; None when another process has just done so."""
        job = built.job
        new = NewRun(
            job=job.name,
            kind=terms.kind,
            period=built.report.period.label,
            app=job.spec.app,
            planned_at=terms.now,
            deadline=terms.deadline,
            generation=terms.generation,
            warnings=warnings_of(built),
            not_before=terms.not_before,
        )
        mailing = mailing_of(built, ledger.install, terms)
        return ledger.plan(
            new,
            frozen(mailing, channel),
            snapshots=built.snapshots,
            supersedes=None if terms.supersedes is None else terms.supersedes.row,
        )


def mailing_of(built: Built, install: str, terms: Terms) -> Mailing:
    """The digest with all its readers."""
    return Mailing(
        install=install,
        job=built.job.name,
        kind=terms.kind,
        period=built.report.period.label,
        generation=terms.generation,
        content=built.content,
        date=terms.date,
        to=built.job.to,
    )


def warnings_of(built: Built) -> tuple[str, ...]:
    """What the digest lacks, in sentences."""
    return tuple(note.text for note in built.report.notes if note.tone is Tone.WARNING)
