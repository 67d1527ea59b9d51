"""Asking until there is an answer or no point in asking on: the one place that retries.

Here the parts come together: the budget before each try, the try itself, the decision after it,
and the circuit that stops a run from asking a server that can't be reached.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, assert_never

from digest.errors import PhaseError, PhaseUnavailableError
from digest.phase.refusals import Question, error_of, stops_asking
from digest.phase.retry import GiveUp, Use, Wait, decide

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from digest.phase.budget import Budget
    from digest.phase.limits import PhaseLimits
    from digest.phase.transport import Outcome, Transport

logger = logging.getLogger(__name__)


def counted_as(host: str, key: str) -> tuple[str, str]:
    """The names that a request counts for in the budget.

    The server counts by key and by client address; all clients here share the address.
    """
    return host, f"key:{hashlib.sha256(key.encode()).hexdigest()}"


class Asker:
    """Fetches the documents of one app for one run; `stopped` is why it no longer does."""

    def __init__(
        self,
        *,
        transport: Transport,
        host: str,
        limits: PhaseLimits,
        budget: Budget,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        rng: random.Random,
        now: Callable[[], datetime],
        on_try: Callable[[Outcome], None] = lambda _outcome: None,
    ) -> None:
        self.stopped: PhaseError | None = None
        self.requests_made = 0
        self._transport = transport
        self._limits = limits
        self._budget = budget
        self._counted_as = counted_as(host, transport.key.get_secret_value())
        self._clock = clock
        self._sleep = sleep
        self._rng = rng
        self._now = now
        self._on_try = on_try

    def fetch(self, question: Question, params: Mapping[str, str]) -> object:
        """The JSON value of the report's answer.

        Raises PhaseError or PhaseUnavailableError, with `question` in its words.
        """
        if self.stopped is not None:
            raise _again(self.stopped, question)
        deadline = self._clock() + self._limits.call
        tries_made = 0
        while True:
            self._wait_for_permit(question, deadline)
            seconds = max(min(self._limits.try_, deadline - self._clock()), 0.001)
            tries_made += 1
            self.requests_made += 1
            outcome = self._transport.attempt(question.report, params, seconds=seconds)
            self._on_try(outcome)
            step = decide(
                outcome,
                tries_made=tries_made,
                remaining=deadline - self._clock(),
                limits=self._limits,
                rng=self._rng,
                now=self._now(),
            )
            match step:
                case Use(value):
                    _log(logging.DEBUG, "phase report fetched", question, tries=tries_made)
                    return value
                case GiveUp():
                    raise self._gave_up(step, question, tries_made)
                case Wait(pause):
                    _log(logging.WARNING, "phase will be asked again", question, wait=pause)
                    self._sleep(pause)
                case _:
                    assert_never(step)

    def _wait_for_permit(self, question: Question, deadline: float) -> None:
        wait = self._budget.take(self._counted_as, at_most=deadline - self._clock())
        if wait is None:
            raise PhaseUnavailableError(
                f"{question}: the budget of {self._budget.per_minute} requests a minute is used"
                " up for longer than a call may take; try again later",
                report=question.report,
            )
        if wait > 0:
            _log(logging.DEBUG, "waiting for the request budget", question, wait=wait)
            self._sleep(wait)

    def _gave_up(self, step: GiveUp, question: Question, tries: int) -> PhaseError:
        error = error_of(step, question, tries)
        if stops_asking(step):
            self.stopped = error
        _log(logging.WARNING, "phase report failed", question, status=error.status, tries=tries)
        return error


def _again(error: PhaseError, question: Question) -> PhaseError:
    if isinstance(error, PhaseUnavailableError):
        return PhaseUnavailableError(
            str(error),
            report=question.report,
            status=error.status,
            retry_after=error.retry_after,
        )
    return PhaseError(str(error), report=question.report, status=error.status)


def _log(level: int, message: str, question: Question, **facts: float | None) -> None:
    extra = {"action": message.replace(" ", "_"), "report": question.report, **facts}
    logger.log(level, message, extra=extra)
