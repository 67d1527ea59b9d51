"""Users by platform are counted over all time; what changed comes from our own kept answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from digest.sandbox.dates import micros
from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from tests.support.cli import config_of, write_config
from tests.support.recorded import SHOP, recorded_rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli import Terminal

LAST_WEEK = ("2026-W46", "2026-11-16T08:00:00Z")
THIS_WEEK = ("2026-W47", "2026-11-23T08:00:00Z")
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
NO_SNAPSHOT = "Counted over all time; a change is shown once there is a snapshot from a period ago."


def phase_at(now: str) -> PhaseSandbox:
    """Phase as it was at that time: with the users who had come by then."""
    moment, rows = datetime.fromisoformat(now), recorded_rows()
    devices = tuple(one for one in rows.devices if one.first_seen <= micros(moment))
    sessions = tuple(one for one in rows.sessions if one.started_at >= micros(NOVEMBER))
    return PhaseSandbox(
        replace(rows, devices=devices, sessions=sessions, events=()),
        api=Flavour.CURRENT,
        clock=lambda: moment,
        rate_limit=0,
    )


def users_at(now: str) -> dict[str, int]:
    """The two named platforms' users in the rows themselves."""
    until = micros(datetime.fromisoformat(now))
    seen = [
        one.platform
        for one in recorded_rows().devices
        if one.app_id == SHOP and one.first_seen <= until
    ]
    return {name: seen.count(name) for name in ("ios", "android")}


@dataclass(frozen=True, slots=True)
class Weekly:
    """A digest with users by platform, into a folder."""

    terminal: Terminal
    folder: Path

    def run(self, period: str, now: str) -> Path:
        """Run it for that week; the folder that it was delivered to."""
        self._do("run", "files-only", "--period", period, "--now", now)
        return self.folder / "out" / "board" / "files-only" / period

    def preview(self, period: str, now: str) -> Path:
        self._do("preview", "files-only", "--period", period, "--now", now, "--out", "p")
        return self.folder / "p"

    def _do(self, *command: str) -> None:
        with phase_at(command[-1] if command[0] == "run" else command[-3]) as phase:
            config = config_of(phase.base_url)
            changes = {"breakdowns": ["users.platform"], "to": {"files": ["board"]}}
            config["digests"]["files-only"] |= changes
            write_config(self.folder, config)
            said = self.terminal(*command)
        assert (said.code, said.err) == (0, "")


@pytest.fixture
def weekly(terminal: Terminal, tmp_path: Path) -> Weekly:
    return Weekly(terminal, tmp_path)


def report(folder: Path) -> Any:
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def text(folder: Path) -> str:
    """The mail's text, its lines joined and its spaces plain."""
    return " ".join((folder / "email.txt").read_text(encoding="utf-8").split())


def test_the_first_week_shows_counts_and_says_when_changes_will_come(weekly: Weekly) -> None:
    first = weekly.run(*LAST_WEEK)
    rows = {row["value"]: row for row in report(first)["breakdowns"]["users.platform"]}
    for platform, count in users_at(LAST_WEEK[1]).items():
        assert (rows[platform]["count"], rows[platform]["baseline"]) == (count, None)
    details = report(first)["breakdown_details"]["users.platform"]
    assert (details["movers"], details["note"]) == ([], NO_SNAPSHOT)
    assert NO_SNAPSHOT in text(first)
    assert "Biggest movers" not in text(first)


def test_the_second_week_shows_what_changed_and_since_when(weekly: Weekly) -> None:
    weekly.run(*LAST_WEEK)
    second = weekly.run(*THIS_WEEK)
    made, said = report(second), text(second)
    before, now = users_at(LAST_WEEK[1]), users_at(THIS_WEEK[1])
    rows = {row["value"]: row for row in made["breakdowns"]["users.platform"]}
    slack = (second / "slack.json").read_text(encoding="utf-8")
    for platform in ("ios", "android"):
        found = (rows[platform]["count"], rows[platform]["baseline"], rows[platform]["movement"])
        assert found == (now[platform], before[platform], "rose")
        change = now[platform] - before[platform]
        assert f"{platform} ▲ +{change} ({before[platform]} → {now[platform]})" in said
        assert f"+{change}" in slack
    details = made["breakdown_details"]["users.platform"]
    assert [row["value"] for row in details["movers"]][:2] == ["ios", "android"], (
        "the largest first"
    )
    note = "Counted over all time; changes are since our snapshot of Nov 16, 2026, 8:00 AM UTC."
    assert " ".join(details["note"].split()) == note
    assert note in said
    assert note in " ".join((second / "email.html").read_text(encoding="utf-8").split())


def test_a_preview_shows_what_the_run_will_and_keeps_nothing(weekly: Weekly) -> None:
    weekly.run(*LAST_WEEK)
    previewed = report(weekly.preview(*THIS_WEEK))
    assert previewed == report(weekly.run(*THIS_WEEK))
    assert previewed["breakdown_details"]["users.platform"]["movers"]


def test_a_preview_alone_leaves_no_snapshot_for_later(weekly: Weekly) -> None:
    weekly.preview(*LAST_WEEK)
    assert NO_SNAPSHOT in text(weekly.run(*THIS_WEEK))


@pytest.mark.parametrize(
    ("period", "taken", "compared"),
    [
        ("2026-W46", "2026-11-17T07:00:00Z", True),
        ("2026-W46", "2026-11-17T09:00:00Z", False),
        ("2026-W45", "2026-11-15T09:00:00Z", True),
    ],
    ids=["23 hours late", "25 hours late", "23 hours early"],
)
def test_only_a_snapshot_from_about_a_week_ago_counts(
    weekly: Weekly, period: str, taken: str, *, compared: bool
) -> None:
    weekly.run(period, taken)
    second = weekly.run(*THIS_WEEK)
    baselines = [row["baseline"] for row in report(second)["breakdowns"]["users.platform"]]
    assert any(baselines) is compared
    assert (NO_SNAPSHOT in text(second)) is not compared
    assert ("Biggest movers" in text(second)) is compared
