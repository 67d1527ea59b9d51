"""The shipped units, looked at by systemd itself."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
NAMES = sorted(unit.name for unit in UNITS.iterdir())
SERVICES = [name for name in NAMES if name.endswith(".service")]
SECRETS = {"phase_key", "smtp_password", "slack_token", "web_token", "heartbeat_url"}
WORST_EXPOSURE = 1.5

pytestmark = pytest.mark.systemd


def analyze(*arguments: str | Path) -> str:
    """What systemd-analyze prints; it exits 0 even for keys that it doesn't know."""
    done = subprocess.run(
        ["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def values(unit: str, key: str) -> list[str]:
    """Every value of a key, in the order of the file."""
    text = (UNITS / unit).read_text(encoding="utf-8")
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with a program that is there."""
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8")
        (tmp_path / unit.name).write_text(
            text.replace("/opt/digest/bin/digest", "/usr/bin/true"), encoding="utf-8"
        )
    return tmp_path


def test_there_are_a_daemon_and_a_timer_with_its_service() -> None:
    assert NAMES == ["digest-run.service", "digest-run.timer", "digest.service"]


@pytest.mark.parametrize("name", NAMES)
def test_each_unit_is_understood_without_a_remark(units: Path, name: str) -> None:
    assert analyze("verify", units / name) == ""


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_key_would_be_noticed(units: Path, name: str) -> None:
    section = "Timer" if name.endswith(".timer") else "Service"
    with (units / name).open("a", encoding="utf-8") as file:
        file.write(f"[{section}]\nOnFullMoon=yes\n")

    assert "OnFullMoon" in analyze("verify", units / name)


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_well_locked_in(units: Path, name: str) -> None:
    said = analyze("security", "--offline=true", units / name)

    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert level is not None, said
    assert float(level[1]) <= WORST_EXPOSURE


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_loads_every_secret_from_a_file_that_may_be_missing(name: str) -> None:
    loaded = dict(value.split(":", 1) for value in values(name, "LoadCredential"))

    assert loaded == {secret: f"digest.{secret}" for secret in SECRETS}, "no path, so not required"


@pytest.mark.parametrize("name", SERVICES)
def test_a_refused_system_call_is_an_error_and_no_death(name: str) -> None:
    assert values(name, "SystemCallErrorNumber") == ["EPERM"]


def test_the_install_page_has_every_secret_in_its_table_and_in_its_script() -> None:
    page = (UNITS.parent / "docs" / "install.md").read_text(encoding="utf-8")

    in_table = re.findall(r"^\| `digest\.(\w+)` \| `\$\{credential:\1\}`", page, re.MULTILINE)
    in_script = re.findall(r"^  -p LoadCredential=(\w+):digest\.\1 ", page, re.MULTILINE)
    assert set(in_table) == SECRETS
    assert set(in_script) == SECRETS


def test_the_daemon_is_started_again_unless_a_person_must_mend_something() -> None:
    assert values("digest.service", "Restart") == ["on-failure"]
    assert values("digest.service", "RestartPreventExitStatus") == ["2 78"]
    assert values("digest.service", "StartLimitIntervalSec") == ["0"], "never given up"


def test_putting_off_is_no_failure_of_the_timers_service_and_never_loops() -> None:
    (clean,) = values("digest-run.service", "SuccessExitStatus")

    assert "75" in clean.split()
    assert not values("digest-run.service", "Restart"), "the timer is what comes again"


def test_the_timer_comes_when_it_says() -> None:
    (calendar,) = values("digest-run.timer", "OnCalendar")

    said = analyze("calendar", "--iterations=2", "--base-time=2026-11-24 17:37:33 UTC", calendar)
    assert re.findall(r"\d\d:\d\d:\d\d UTC", said)[:1] == ["17:40:00 UTC"], said
    assert "17:45:00 UTC" in said
