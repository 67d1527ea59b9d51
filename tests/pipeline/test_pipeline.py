"""The steps of one digest, with sources and channels that a test controls."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest import pipeline
from digest.core.content import Content, DeliveryState, Picture
from digest.core.metrics import Dimension
from digest.core.periods import parse_period
from digest.errors import (
    ConfigError,
    DigestError,
    ExitCode,
    PeriodNotOverError,
    PhaseError,
    PhaseUnavailableError,
    StateBusyError,
    StoreError,
    TemplateError,
)
from tests.support.deliveries import email, slack
from tests.support.ledgers import delivery
from tests.support.report_parts import MONDAY, World, silent, spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.core.charts_spec import NoChart
    from digest.core.report_model import Report

WEEK = parse_period("2026-W47")
DOWN = PhaseUnavailableError("down", report="sessions/timeseries")


@dataclass(slots=True)
class Renderer:
    """Keeps what it was given."""

    pictures: list[Picture | NoChart] = field(default_factory=list)

    def content(
        self,
        report: Report,
        pictures: tuple[Picture | NoChart, ...],
        files: Mapping[str, bytes] | None = None,
    ) -> Content:
        self.pictures.extend(pictures)
        return Content(email=email(subject=report.title), slack=slack(), files=dict(files or {}))


def job(**to: tuple[str, ...]) -> pipeline.Job:
    return pipeline.Job(spec=spec(), charts=("sessions",), to=to)


def built(world: World, renderer: Renderer | None = None) -> pipeline.Built:
    return pipeline.build(
        job(mail=("ana@example.com", "bob@example.com"), files=(".",)),
        WEEK,
        source=world,
        renderer=renderer or Renderer(),
        now=MONDAY,
        progress=silent,
    )


def test_a_build_has_the_report_its_charts_and_its_numbers_as_a_file() -> None:
    renderer = Renderer()
    made = built(World(), renderer)
    (picture,) = renderer.pictures
    assert isinstance(picture, Picture)
    assert picture.png.startswith(b"\x89PNG")
    found = json.loads(made.content.files["report.json"])
    assert found["metrics"]["sessions"]["value"] == 700
    assert found["period"]["label"] == made.report.period.label == "2026-W47"


def test_a_period_that_can_t_be_over_is_refused_before_anything_is_asked() -> None:
    world = World()
    with pytest.raises(PeriodNotOverError) as caught:
        pipeline.build(
            job(),
            parse_period("2026-W48"),
            source=world,
            renderer=Renderer(),
            now=MONDAY,
            progress=silent,
        )
    assert caught.value.ready_at.isoformat() == "2026-11-30T02:00:00+00:00"
    assert world.asked == []


def result(
    *states: DeliveryState, error: DigestError | None = None, stuck: tuple[str, ...] = ()
) -> pipeline.RunResult:
    batch = tuple(delivery(state, recipient=str(n)) for n, state in enumerate(states))
    return pipeline.RunResult(
        job="it", period="2026-W47", deliveries=batch, error=error, stuck=stuck
    )


SENT, WAITS, FAILED, UNCERTAIN, SKIPPED, HELD, DEAD, PLANNED = (
    DeliveryState.SENT,
    DeliveryState.RETRY_WAIT,
    DeliveryState.FAILED,
    DeliveryState.UNCERTAIN,
    DeliveryState.SKIPPED,
    DeliveryState.HELD,
    DeliveryState.DEAD,
    DeliveryState.PLANNED,
)


@pytest.mark.parametrize(
    ("made", "state", "code"),
    [
        (result(SENT, SENT), "sent", 0),
        (result(SENT, SKIPPED), "sent", 0),
        (result(SENT, WAITS), "partly_sent", 75),
        (result(WAITS, WAITS), "put_off", 75),
        (result(SENT, FAILED), "partly_sent", 1),
        (result(FAILED, WAITS), "failed", 1),
        (result(UNCERTAIN), "put_off", 75),
        (result(HELD), "failed", 1),
        (result(SENT, DEAD), "partly_sent", 1),
        (result(SENT, PLANNED), "partly_sent", 75),
        (result(SENT, WAITS, stuck=("mail",)), "partly_sent", 1),
        (result(SENT, WAITS, error=StateBusyError("full")), "partly_sent", 75),
        (result(SENT, error=StoreError("broken")), "sent", 1),
        (result(error=DOWN), "put_off", 75),
        (result(error=PeriodNotOverError("wait", ready_at=MONDAY)), "put_off", 75),
        (result(error=PhaseError("no", report="x")), "failed", 1),
        (result(error=TemplateError("no")), "failed", 1),
        (result(error=ConfigError([])), "failed", 78),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_result_says_what_became_of_it(made: pipeline.RunResult, state: str, code: int) -> None:
    assert (made.state, made.exit_code) == (state, code)


def test_a_dry_run_has_sent_nothing_and_is_well() -> None:
    made = replace(result(DeliveryState.PLANNED), dry=True)
    assert (made.state, made.exit_code) == ("dry_run", 0)


@given(st.lists(st.sampled_from(ExitCode)))
def test_one_beats_75_and_anything_beats_0(codes: list[ExitCode]) -> None:
    found = pipeline.worst(codes)
    assert found == pipeline.worst(reversed(codes))
    assert (found is ExitCode.OK) == (set(codes) <= {ExitCode.OK})
    if set(codes) <= {ExitCode.OK, ExitCode.PUT_OFF, ExitCode.FAILED} and ExitCode.FAILED in codes:
        assert found is ExitCode.FAILED


def test_the_same_question_is_asked_once_and_a_failure_again() -> None:
    troubles = [DOWN]
    world = World(fails=lambda _asked: troubles.pop() if troubles else None)
    shared = pipeline.SharedSource(world)
    days = date(2026, 11, 16), date(2026, 11, 23)
    with pytest.raises(PhaseUnavailableError):
        shared.timeseries("sessions", "sessionCount", *days)
    first = shared.timeseries("sessions", "sessionCount", *days)
    assert shared.timeseries("sessions", "sessionCount", *days) is first
    countries = shared.breakdown(Dimension.SESSIONS_COUNTRY, *days, limit=50)
    assert shared.breakdown(Dimension.SESSIONS_COUNTRY, *days, limit=50) is countries
    assert shared.breakdown(Dimension.SESSIONS_COUNTRY, *days, limit=10) is not countries
    assert shared.requests_made == len(world.asked) == 4


def test_a_second_digest_of_the_same_week_asks_nothing_more() -> None:
    world = World()
    shared = pipeline.SharedSource(world)
    for _ in range(2):
        pipeline.build(job(), WEEK, source=shared, renderer=Renderer(), now=MONDAY, progress=silent)
    assert len(world.asked) == 14
    assert len(set(world.asked)) < len(world.asked), "lists of the baseline are questions, too"
