"""What a failed build comes to: when it is tried again, who hears of it, what is fatal."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from digest.core.agenda import RETRY_LATER, RETRY_REFUSED
from digest.errors import (
    DigestError,
    PeriodNotOverError,
    PhaseError,
    PhaseUnavailableError,
    PutOffError,
    StateBusyError,
    StoreError,
    UnsureError,
)
from digest.service.judging import TOLD_AFTER, Judgement, judged
from tests.support.dues import HOUR, MINUTE, NOW, due

if TYPE_CHECKING:
    from digest.core.agenda import Due

LATE = NOW + TOLD_AFTER + MINUTE


def down(retry_after: float | None = None, *, everywhere: bool = True) -> PhaseUnavailableError:
    return PhaseUnavailableError("down", report="r", retry_after=retry_after, everywhere=everywhere)


def said(error: Exception, of: Due | None = None, *, late: bool = False) -> Judgement:
    return judged(of or due(), error, LATE if late else NOW)


def test_a_period_that_is_not_over_is_waited_for_and_is_no_failure() -> None:
    ready = NOW + HOUR
    assert said(PeriodNotOverError("wait", ready_at=ready)) == Judgement(
        until=ready, reason="wait", failed=False
    )


@pytest.mark.parametrize(("ahead", "wait"), [(0, 1), (1, 1), (6, 3), (30, 15), (600, 15)])
def test_while_our_clock_is_ahead_of_the_api_s_it_is_asked_less_and_less_often(
    ahead: int, wait: int
) -> None:
    verdict = said(PeriodNotOverError("wait", ready_at=NOW - ahead * MINUTE))
    assert verdict.until == NOW + wait * MINUTE


def test_a_ledger_that_is_busy_is_no_failure_of_the_digest() -> None:
    verdict = said(StateBusyError("busy"))
    assert (verdict.failed, verdict.fatal, verdict.tell) == (False, False, False)
    assert verdict.until == NOW + timedelta(seconds=15)


@pytest.mark.parametrize("error", [StoreError("lost"), UnsureError("unsure")])
def test_a_ledger_that_can_t_be_written_ends_the_process(error: StoreError) -> None:
    assert said(error).fatal


@pytest.mark.parametrize(("tries", "wait"), [*enumerate(RETRY_LATER), (50, RETRY_LATER[-1])])
def test_an_api_that_is_down_is_asked_again_soon_and_then_less_often(
    tries: int, wait: timedelta
) -> None:
    verdict = said(down(), due(tries=tries))
    assert (verdict.until, verdict.failed, verdict.down) == (NOW + wait, True, True)


def test_it_is_not_asked_before_the_time_that_it_named() -> None:
    assert said(down(retry_after=600)).until == NOW + 10 * MINUTE
    assert said(down(retry_after=1)).until == NOW + RETRY_LATER[0]


def test_one_report_that_fails_does_not_stop_the_server_s_other_digests() -> None:
    assert not said(down(everywhere=False)).down


@pytest.mark.parametrize(
    ("error", "tell", "tell_late"),
    [
        (down(), False, True),
        (PutOffError("later"), False, True),
        (PhaseError("refused", report="r", status=401), True, True),
        (DigestError("broken"), True, True),
        (ValueError("defect"), True, True),
        (TimeoutError("building it took more than 15 minutes"), True, True),
    ],
)
def test_the_operator_hears_of_what_won_t_pass_at_once_and_of_the_rest_when_it_is_late(
    error: Exception, *, tell: bool, tell_late: bool
) -> None:
    assert (said(error).tell, said(error, late=True).tell) == (tell, tell_late)


def test_a_key_that_was_refused_is_not_tried_more_than_every_quarter_of_an_hour() -> None:
    refused = PhaseError("refused", report="r", status=401)
    waits = [said(refused, due(tries=n)).until - NOW for n in range(4)]
    assert waits == [*RETRY_REFUSED, RETRY_REFUSED[-1]]
    assert min(waits) >= 15 * MINUTE


def test_nothing_is_tried_after_the_deadline() -> None:
    soon = due(deadline=NOW + MINUTE / 2)
    assert said(down(), soon).until == soon.deadline
    assert said(ValueError(), due(deadline=NOW - HOUR)).until == NOW


def test_a_defect_is_named_by_its_type_and_its_words_are_kept_back() -> None:
    assert said(ValueError("ana@example.com")).reason == (
        "internal error (ValueError); this is a defect of digest"
    )
    assert said(DigestError("one sentence")).reason == "one sentence"
    assert "15 minutes" in said(TimeoutError("more than 15 minutes")).reason
