"""What the loop says to logs and metrics: one line and one number for each thing that happens."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.core.agenda import DueState
from digest.core.alert_model import VerdictKind
from digest.core.content import DeliveryKind, DeliveryState
from digest.core.outbox import NEEDS_PERSON
from digest.service.logs import run_context
from digest.service.metrics import Step
from digest.service.reasons import api_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from digest.core.agenda import Due
    from digest.core.alert_round import Judged, Message
    from digest.core.outbox import Delivery
    from digest.phase.transport import Outcome
    from digest.service.judging import Judgement
    from digest.service.loop import Loop
    from digest.service.metrics import Metrics
    from digest.store.rows import Run

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Telling:
    """Logs each event under a stable action, and counts it. `after` is called each time round."""

    metrics: Metrics | None = None
    after: Callable[[Loop, datetime], None] = lambda _loop, _now: None
    _due_at: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def context(self, due: Due) -> AbstractContextManager[None]:
        """Every line inside names the job and the period."""
        return run_context(job=due.job, period=due.period) if due.row else nullcontext()

    def due(self, due: Due) -> None:
        """A period became due, or is left out; of one that was sent by hand nothing is said."""
        if due.state is DueState.PLANNED:
            return
        waits = due.state is DueState.WAITING
        logger.log(
            logging.INFO if waits else logging.WARNING,
            "%s %s is due %s" if waits else "%s %s is left out: %s",
            due.job,
            due.period,
            f"{due.due_at:%Y-%m-%d %H:%M} UTC" if waits else due.reason,
            extra=_about(due, "due_noted" if waits else "due_skipped"),
        )

    def planned(self, due: Due, seconds: float, now: datetime) -> None:
        """It was built and written down."""
        self._due_at[due.job, due.period] = due.effective
        logger.info(
            "%s %s is planned",
            due.job,
            due.period,
            extra=_about(due, "run_planned") | {"seconds": round(seconds, 3)},
        )
        if self.metrics is not None:
            self.metrics.built(timedelta(seconds=seconds))
            self.metrics.late(now - due.effective, Step.PLANNED)

    def failed(self, due: Due, error: Exception, verdict: Judgement) -> None:
        """It could not be built now."""
        logger.warning(
            "%s %s waits until %s: %s",
            due.job,
            due.period,
            f"{verdict.until:%Y-%m-%d %H:%M:%S} UTC",
            verdict.reason,
            extra=_about(due, "run_put_off"),
        )
        logger.debug("it ended here", exc_info=error)

    def missed(self, due: Due, reason: str) -> None:
        """It was given up."""
        logger.error(
            "%s %s is missed: %s", due.job, due.period, reason, extra=_about(due, "run_missed")
        )
        if self.metrics is not None:
            self.metrics.run_ended(due.job, "missed")

    def ended(self, run: Run, counts: Mapping[DeliveryState, int], now: datetime) -> None:
        """All deliveries of a run have come to their end."""
        state = _state(counts)
        logger.log(
            logging.INFO if state == "sent" else logging.WARNING,
            "%s %s: %s",
            run.job,
            run.period,
            state.replace("_", " "),
            extra={
                "action": f"run_{state}",
                "job": run.job,
                "period": run.period,
                "kind": str(run.kind),
            },
        )
        due_at = self._due_at.pop((run.job, run.period), None)
        if self.metrics is None:
            return
        if run.kind is DeliveryKind.DIGEST:
            self.metrics.run_ended(run.job, state)
            if state == "sent":
                self.metrics.succeeded(run.job, now)
                if due_at is not None:
                    self.metrics.late(now - due_at, Step.SENT)

    def judged(self, one: Judged) -> None:
        """An alert was looked at; what is said of it, or what was held back, is worth a line."""
        verdict = one.verdict
        quiet = verdict.kind is VerdictKind.QUIET and verdict.hush is None
        logger.log(
            logging.DEBUG if quiet else logging.INFO,
            "%s %s: %s: %s",
            one.rule.name,
            one.look.bucket,
            verdict.kind if verdict.hush is None else f"held back ({verdict.hush.kind})",
            verdict.reason,
            extra={
                "action": "alert_judged",
                "job": one.rule.name,
                "period": one.look.bucket,
                "verdict": str(verdict.kind),
                "state": str(verdict.state.phase),
            },
        )

        if self.metrics is not None:
            self.metrics.alert_look(one.look.seen)
            if verdict.hush is not None:
                self.metrics.alert_held_back(verdict.hush.kind)

    def alert_planned(self, message: Message) -> None:
        """A message about alerts was written down."""
        logger.info(
            "%s %s is planned",
            message.job,
            message.period,
            extra={
                "action": "alert_planned",
                "job": message.job,
                "period": message.period,
                "alerts": ", ".join(one.rule.name for one in message.about),
            },
        )
        if self.metrics is not None:
            self.metrics.alert_message(message.kind)

    def not_looked(self, name: str, why: str, until: datetime) -> None:
        """An alert could not be looked at."""
        logger.warning(
            "%s can't be looked at, tried again at %s UTC: %s",
            name,
            f"{until:%Y-%m-%d %H:%M:%S}",
            why,
            extra={"action": "alert_failed", "job": name},
        )
        if self.metrics is not None:
            self.metrics.alert_look(None)

    def delivery(self, held: Delivery, state: DeliveryState, code: str) -> None:
        """A delivery has come to an end."""
        logger.log(
            logging.WARNING if state in NEEDS_PERSON else logging.INFO,
            "%s to %s over %s",
            state,
            held.key.recipient,
            held.key.channel,
            extra={
                "action": f"delivery_{state}",
                "job": held.key.job,
                "period": held.key.period,
                "channel": held.key.channel,
                "key": held.key.digest[:8],
                **({"code": code} if code else {}),
            },
        )
        if self.metrics is not None:
            self.metrics.delivery_ended(held.key.channel, state, code)

    def asked(self, app: str, outcome: Outcome) -> None:
        """A request about an app ended."""
        if self.metrics is not None:
            self.metrics.api_request(app, api_outcome(outcome))

    def lane_broke(self, error: Exception) -> None:
        """Sending over some channels broke off; what waits is tried again."""
        logger.error(
            "sending broke off: %s",
            error if hasattr(error, "exit_code") else type(error).__name__,
            extra={"action": "lane_broke"},
        )
        logger.debug("it broke here", exc_info=error)

    def round(self, loop: Loop, now: datetime) -> None:
        """The loop went round."""
        if self.metrics is not None:
            self.metrics.ticked(now)
            self.metrics.next_due(loop.calendar.soonest)
            self.metrics.clock_drift(loop.watching.drift)
            self.metrics.troubles(loop.watching.kinds)
        self.after(loop, now)


def _state(counts: Mapping[DeliveryState, int]) -> str:
    """How a run ended, in one word."""
    states = {state for state, count in counts.items() if count}
    if states <= {DeliveryState.SENT, DeliveryState.SKIPPED}:
        return "sent"
    return "partly_sent" if DeliveryState.SENT in states else "failed"


def _about(due: Due, action: str) -> dict[str, str]:
    return {"action": action, "job": due.job, "period": due.period}
