"""The shipped units, looked at by systemd itself."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
WORST_EXPOSURE = 1.5

pytestmark = pytest.mark.systemd


def analyze(*arguments: str | Path) -> str:
    """What systemd-analyze prints; it exits 0 even for keys that it doesn't know."""
    done = subprocess.run(
        ["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with a program that is there."""
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8")
        (tmp_path / unit.name).write_text(
            text.replace("/opt/digest/bin/digest", "/usr/bin/true"), encoding="utf-8"
        )
    return tmp_path


def test_the_units_are_understood_without_a_remark(units: Path) -> None:
    assert analyze("verify", units / "digest@.service", units / "digest@.timer") == ""


def test_an_unknown_key_would_be_noticed(units: Path) -> None:
    with (units / "digest@.timer").open("a", encoding="utf-8") as file:
        file.write("[Timer]\nOnFullMoon=yes\n")

    assert "OnFullMoon" in analyze("verify", units / "digest@.service", units / "digest@.timer")


def test_the_service_is_well_locked_in(units: Path) -> None:
    said = analyze("security", "--offline=true", units / "digest@.service")

    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert level is not None, said
    assert float(level[1]) <= WORST_EXPOSURE


def test_the_service_names_every_secret_that_the_config_may_ask_for() -> None:
    text = (UNITS / "digest@.service").read_text(encoding="utf-8")

    assert set(re.findall(r"^LoadCredential=(\w+):", text, re.MULTILINE)) == {
        "phase_key",
        "smtp_password",
        "slack_token",
    }
