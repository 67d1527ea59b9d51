"""One Phase, one mail server and one Slack for each module of tests of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from digest.sandbox.flavour import Flavour
from digest.sandbox.inbox import Inbox
from digest.sandbox.server import PhaseSandbox
from digest.sandbox.slack import SlackSandbox
from tests.support.cli import SECRETS, Terminal
from tests.support.commands import CLOCK, Desk, desk
from tests.support.recorded import recorded_rows
from tests.support.serving import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.runner import Starter


@pytest.fixture(scope="module")
def phase() -> Iterator[PhaseSandbox]:
    """The recorded rows, at the time of the recordings."""
    with PhaseSandbox(
        recorded_rows(), api=Flavour.CURRENT, clock=lambda: CLOCK, rate_limit=0
    ) as box:
        yield box


@pytest.fixture
def shop(
    tmp_path: Path,
    phase: PhaseSandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    """A config whose parts all work."""
    with desk(tmp_path, phase.base_url, capsys, monkeypatch) as made:
        yield made


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as box:
        yield box


@pytest.fixture
def slack() -> Iterator[SlackSandbox]:
    with SlackSandbox() as box:
        yield box


@pytest.fixture
def terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Terminal:
    """The command line in an empty folder, the secrets in its environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DIGEST_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return Terminal(capsys)


@pytest.fixture
def place(tmp_path: Path, starter: Starter) -> Iterator[Place]:
    """Where daemons run."""
    with Place(folder=tmp_path, starter=starter) as made:
        yield made
