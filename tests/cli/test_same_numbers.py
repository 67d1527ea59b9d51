"""The preview of a week says what plain SQL over the rows says, in every form alike."""

from __future__ import annotations

import email
import email.policy
import json
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.deltas import difference
from digest.core.metrics import CATALOGUE, PLAIN_METRICS, Metric
from digest.core.wording import Wording
from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from tests.support import sql_truth
from tests.support.commands import CLOCK, NOW, desk
from tests.support.recorded import recorded_rows
from tests.support.rendered import Structure

if TYPE_CHECKING:
    from pathlib import Path

WEEK, BEFORE = ("2026-11-16", "2026-11-23"), ("2026-11-09", "2026-11-16")
WITHIN = {
    Metric.BOUNCE_RATE: 0.005 + 1e-12,
    Metric.SESSION_DURATION: 1e-6,
    Metric.ACTIVE_USERS: 1e-9,
}


@pytest.mark.parametrize("api", list(Flavour), ids=str)
def test_a_previewed_week_equals_plain_sql_in_every_form(
    api: Flavour,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        PhaseSandbox(recorded_rows(), api=api, clock=lambda: CLOCK) as box,
        desk(tmp_path, box.base_url, capsys, monkeypatch) as made,
    ):
        out = tmp_path / "preview"
        done = made.run(
            "preview", "monday-email", "--period", "2026-W47", "--out", str(out), "--now", NOW
        )

        assert (done.code, done.err) == (0, "")
        assert made.nothing_sent
        assert len(box.requests) == 14
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    truth, before = sql_of(api)
    for metric in PLAIN_METRICS:
        shown = report["metrics"][metric]
        assert shown["value"] == pytest.approx(truth[metric], abs=WITHIN.get(metric, 0), rel=0)
        assert shown["baseline"] == pytest.approx(before[metric], abs=WITHIN.get(metric, 0), rel=0)
        assert shown["change"] == pytest.approx(shown["value"] - shown["baseline"])
    assert report["metrics"]["bounce_rate"]["percent"] is None
    assert_said_alike(out, report)


def sql_of(api: Flavour) -> tuple[dict[str, float], dict[str, float]]:
    db = sql_truth.load()
    try:
        return sql_truth.metrics(db, api, *WEEK), sql_truth.metrics(db, api, *BEFORE)
    finally:
        db.close()


def assert_said_alike(out: Path, report: dict[str, Any]) -> None:
    """Every number of `report.json` is worded once and stands in text, HTML, mail and Slack."""
    wording = Wording("en")
    mail = email.message_from_bytes((out / "email.eml").read_bytes(), policy=email.policy.default)
    parts = {part.get_content_type(): part for part in mail.walk()}
    forms = {
        "text": (out / "email.txt").read_text(encoding="utf-8"),
        "html": Structure((out / "email.html").read_text(encoding="utf-8")).text,
        "mail's text": parts["text/plain"].get_content(),
        "mail's html": Structure(parts["text/html"].get_content()).text,
        "slack": "\n".join(strings(json.loads((out / "slack.json").read_text(encoding="utf-8")))),
    }
    for metric in PLAIN_METRICS:
        shown = report["metrics"][metric]
        unit = CATALOGUE[metric].unit
        value = wording.value(unit, shown["value"])
        delta = wording.delta(unit, difference(metric, shown["value"], shown["baseline"]))
        for name, form in forms.items():
            assert value in form, f"{metric} {value} is not in the {name}"
            assert delta in form, f"{metric} {delta} is not in the {name}"


def strings(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for held in value.values() for text in strings(held)]
        case list():
            return [text for held in value for text in strings(held)]
        case _:
            return []


def test_report_json_has_the_shape_that_programs_rely_on(
    tmp_path: Path,
    phase: PhaseSandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with desk(tmp_path, phase.base_url, capsys, monkeypatch) as made:
        out = tmp_path / "preview"
        made.run("preview", "archive", "--period", "2026-W47", "--out", str(out), "--now", NOW)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))

    assert {"job", "app", "period", "baseline", "metrics", "breakdowns", "notes"} <= set(report)
    assert report["job"] == "archive"
    assert report["app"] == "shop"
    assert report["period"] == {
        "label": "2026-W47",
        "start": "2026-11-16T00:00:00Z",
        "end": "2026-11-23T00:00:00Z",
    }
    assert report["baseline"]["label"] == "2026-W46"
    assert report["generated_at"].startswith("2026-11-23T04:46")
    assert set(report["metrics"]) == set(PLAIN_METRICS)
    for shown in report["metrics"].values():
        assert {"value", "baseline", "change", "percent", "note"} <= set(shown)
    countries = report["breakdowns"]["sessions.country"]
    assert {"value", "count", "baseline", "share"} <= set(countries[0])
    assert [row.get("other", False) for row in countries] == [False] * 10 + [True]
    assert sum(row["count"] for row in countries) == report["metrics"]["sessions"]["value"]
    assert sum(row["share"] for row in countries) == pytest.approx(100)
    assert {row["share"] for row in report["breakdowns"]["events.eventName"]} == {None}
    slack = json.loads((out / "slack.json").read_text(encoding="utf-8"))
    assert {"channel", "text", "blocks", "thread"} <= set(slack["messages"][0])
    for name in ("email.html", "email.txt", "email.eml", "slack.html", "sessions.png"):
        assert (out / name).stat().st_size > 0


def test_an_unfinished_period_is_shown_without_anything_to_compare_it_with(
    tmp_path: Path,
    phase: PhaseSandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with desk(tmp_path, phase.base_url, capsys, monkeypatch) as made:
        out = tmp_path / "preview"
        done = made.run(
            "preview", "archive", "--period", "2026-W48", "--out", str(out), "--now", NOW
        )
        put_off = made.run("run", "archive", "--period", "2026-W48", "--now", NOW)

        assert made.nothing_sent
    assert (done.code, put_off.code) == (0, 75)
    assert "partial" in done.err
    assert "2026-11-30T02:00Z" in put_off.err
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["partial"] is True
    assert {shown["change"] for shown in report["metrics"].values()} == {None}
    assert all(shown["note"] for shown in report["metrics"].values())
    text = (out / "email.txt").read_text(encoding="utf-8")
    assert "This week is not over" in text
    assert "was " not in text.partition("Day by day")[0]
