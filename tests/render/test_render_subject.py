from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from digest.core.deltas import compare
from digest.core.metrics import Metric
from digest.core.series import Series
from digest.render import Renderer
from tests.support.rendered import week

RENDERER = Renderer(None)


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        pytest.param({}, "Acme Shop · Nov 16 – 22, 2026: sessions +12.3 % to 2,784", id="changed"),
        pytest.param({"quiet": True}, "Acme Shop · Nov 16 – 22, 2026: no data", id="quiet"),
        pytest.param({"headlines": ()}, "Acme Shop · Nov 16 – 22, 2026: Monday digest", id="bare"),
        pytest.param(
            {"app_title": "x" * 500},
            f"{'x' * 79}… · Nov 16 – 22, 2026: sessions +12.3 %…",
            id="long app",
        ),
    ],
)
def test_the_subject_says_app_period_and_headline(changes: dict[str, Any], subject: str) -> None:
    report, pictures = week()
    made = RENDERER.email(replace(report, **changes), pictures).subject
    assert made == subject
    assert len(made) <= 120


@pytest.mark.parametrize(
    ("now", "then", "partial", "words"),
    [
        (100.0, 100.0, False, "sessions unchanged at 700"),
        (100.0, None, False, "sessions 700"),
        (100.0, 90.0, True, "sessions 700 so far"),
        (0.0, 90.0, False, "sessions: no data"),
        (100.0, 0.0, False, "sessions 700 (new)"),
        (90.0, 100.0, False, "sessions −10.0 % to 630"),
    ],
)
def test_the_subject_has_words_for_every_kind_of_delta(
    now: float, then: float | None, words: str, *, partial: bool
) -> None:
    report, pictures = week()
    days, before = report.period.days, report.period.previous().days
    comparison = compare(
        Metric.SESSIONS,
        {Metric.SESSIONS: Series(days, (now,) * 7)},
        [] if then is None else [{Metric.SESSIONS: Series(before, (then,) * 7)}],
        partial=partial,
    )
    first = replace(report.headlines[0], comparison=comparison)
    report = replace(report, headlines=(first, *report.headlines[1:]))
    assert RENDERER.email(report, pictures).subject.endswith(f": {words}")
