"""What users install: the wheel, the sdist, and where their templates are."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.packaging


def run(*command: str | Path, cwd: Path) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, and the wheel that is built from it."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", out, ROOT, cwd=out)
    return out


def test_the_wheel_made_from_the_sdist_holds_templates_and_the_starter_config(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())

    ours = {f"digest/{path.relative_to(ROOT)}" for path in (ROOT / "templates").rglob("*.j2")}
    assert ours
    assert ours <= names
    assert {"digest/config.example.yaml", "digest/py.typed"} <= names
    assert not [name for name in names if name.startswith("tests/")]


def test_the_sdist_holds_what_the_tests_need(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if "/" in name}

    assert {"digest", "templates", "tests", "docs", "systemd", "benchmarks", "Makefile"} <= tops
    assert {"config.example.yaml", "README.md", "CHANGELOG.md", "LICENSE"} <= tops


def test_a_clean_install_of_the_wheel_runs_the_demo_away_from_the_repository(
    built: Path, tmp_path: Path
) -> None:
    (wheel,) = built.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    bin_ = tmp_path / "venv" / "bin"
    run(bin_ / "python", "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)

    said = run(bin_ / "digest", "demo", "--out", "out", cwd=tmp_path)
    run(bin_ / "digest", "init", cwd=tmp_path)

    assert "sent monday-email" in said
    assert "sent daily-slack" in said
    assert (tmp_path / "out" / "monday-email" / "email.html").read_text().count("<img") >= 2
    assert (tmp_path / "config.yaml").read_text() == (ROOT / "config.example.yaml").read_text()
