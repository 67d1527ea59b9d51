"""The command line as a user has it: in a folder with a config, and as a process of its own.

    said = terminal("run", "small", "--now", NOW)
    assert said.code == 0

`terminal` is the fixture of tests/cli/conftest.py; `start` and `process` run `python -m digest`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from digest.sandbox.slack import TOKEN
from tests.support.commands import KEY, Done, run
from tests.support.recorded import SHOP

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

SECRETS = {"PHASE_SHOP_KEY": KEY, "SLACK_BOT_TOKEN": TOKEN}
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Terminal:
    """Runs command lines in this process, in the current folder."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object) -> Done:
        return run(self.capsys, *(str(argument) for argument in arguments))


def config_of(
    phase: str, *, smtp: int = 9, slack: str = "http://127.0.0.1:9/api", **changes: Any
) -> dict[str, Any]:
    """A config of three channels and small digests; `changes` replace whole top-level keys.

    Port 9 refuses connections. `small` is one number, so that it costs next to nothing.
    """
    week = {"app": "shop", "period": "week", "schedule": "mon 08:00"}
    small = {**week, "metrics": ["sessions"], "breakdowns": [], "charts": []}
    everywhere = {"mail": ["ceo@example.com"], "slack": ["#growth"], "files": ["board"]}
    found: dict[str, Any] = {
        "timezone": "Europe/Berlin",
        "state": "sqlite:///./state/digest.db",
        "limits": {"connect": 2, "read": 2, "try": 3, "call": 5, "tries": 1},
        "apps": {
            "shop": {
                "title": "Acme Shop",
                "app_id": SHOP,
                "api_key": "${PHASE_SHOP_KEY}",
                "base_url": phase,
            }
        },
        "channels": {
            "mail": {
                "type": "smtp",
                "host": "127.0.0.1",
                "port": smtp,
                "security": "none",
                "from": "Acme Analytics <digest@example.com>",
            },
            "slack": {"type": "slack", "token": "${SLACK_BOT_TOKEN}", "base_url": slack},
            "files": {"type": "folder", "path": "./out"},
        },
        "digests": {
            "monday-email": {**week, "to": everywhere},
            "small": {**small, "to": everywhere},
            "mail-only": {**small, "to": {"mail": ["ceo@example.com"]}},
            "files-only": {**small, "to": {"files": ["."]}},
            "daily": {**small, "period": "day", "schedule": "mon-fri 09:00", "to": {"files": "."}},
        },
    }
    return found | changes


def write_config(folder: Path, config: Mapping[str, Any], name: str = "config.yaml") -> Path:
    path = folder / name
    path.write_text(
        yaml.safe_dump(dict(config), allow_unicode=True, sort_keys=False), encoding="utf-8"
    )
    return path


def start(*arguments: object, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    """`python -m digest …` as a process of its own, its streams piped unless said otherwise."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, "-m", "digest", *(str(argument) for argument in arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **SECRETS, **options.pop("env", {})},
        text=True,
        **(streams | options),
    )


def process(*arguments: object, cwd: Path, **options: Any) -> Done:
    """The same, waited for."""
    with start(*arguments, cwd=cwd, **options) as running:
        out, err = running.communicate(timeout=60)
    return Done(running.returncode, out or "", err or "")
