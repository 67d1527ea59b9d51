from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from digest.core.metrics import Dimension
from digest.core.report_model import Breakdown, BreakdownRow, Movement, Note, Report, Tone
from digest.render import Renderer
from digest.render.fitting import MAX_HTML_BYTES, fitted
from digest.render.view import view_of
from tests.support.rendered import Structure, week

if TYPE_CHECKING:
    from digest.render.view import View

RENDERER = Renderer(None)


def huge(name: str) -> Report:
    report, _ = week()
    rows = tuple(
        BreakdownRow(
            value=f"{n} {name}", count=10**9 - n, baseline=1, share=1.0, movement=Movement.ENTERED
        )
        for n in range(50)
    )
    return replace(
        report,
        app_title=name,
        verdict=name * 20,
        headlines=tuple(replace(h, note=name * 20) for h in report.headlines),
        breakdowns=tuple(
            Breakdown(dimension=d, rows=rows, movers=rows, left=rows, note=name * 20)
            for d in Dimension
        ),
        notes=tuple(Note(text=f"{n} {name * 20}", tone=tone) for tone in Tone for n in range(60)),
    )


@pytest.mark.parametrize(
    "name",
    ['"<&>" ' * 30, "😀" * 100, "日本" * 60, "a" * 100],
    ids=["escaped", "emoji", "wide", "plain"],
)
def test_the_largest_report_stays_under_the_limit_and_says_what_was_left_out(name: str) -> None:
    email = RENDERER.email(huge(name), week()[1])
    assert len(email.html.encode()) <= MAX_HTML_BYTES
    assert "Left out to keep this e-mail short: the biggest movers" in Structure(email.html).text
    assert "Left out to keep this e-mail short" in email.text
    assert "2,784" in email.text


def test_what_is_left_out_goes_in_the_stated_order() -> None:
    view = view_of(*week())
    seen: list[View] = []

    def render(shown: View) -> str:
        seen.append(shown)
        return "x" * (MAX_HTML_BYTES + 1)

    fitted(view, render)
    assert seen[0]["omitted"] == []
    assert [len(shown["omitted"]) for shown in seen] == list(range(7))
    assert not any(part["movers"] for part in seen[1]["breakdowns"])
    assert [len(part["rows"]) for part in seen[1]["breakdowns"]] == [6, 4, 6, 3]
    assert [len(part["rows"]) for part in seen[2]["breakdowns"]] == [5, 4, 6, 3]
    assert seen[2]["breakdowns"][2]["rows"][-1]["other"]
    assert not seen[2]["breakdowns"][0]["rows"][-1]["other"]
    assert seen[2]["definitions"]
    assert not seen[3]["definitions"]
    assert len(seen[-1]["breakdowns"]) == 2
    assert len(view["breakdowns"]) == 4
