"""Running the command line in this process, against local servers."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from digest.cli import run_command_line
from digest.sandbox.inbox import Inbox
from digest.sandbox.slack import SlackSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

NOW = "2026-11-23T04:46:04Z"
CLOCK = datetime(2026, 11, 23, 4, 46, 4, tzinfo=UTC)
KEY = "TOKEN_MAIN"

CONFIG = """\
timezone: Europe/Berlin
state: sqlite:///./state/digest.db
apps:
  shop: {{title: {title}, app_id: "{app_id}", api_key: "${{PHASE_KEY}}", base_url: "{phase}"}}
channels:
  mail: {{type: smtp, host: 127.0.0.1, port: {smtp}, security: none,
         from: "Acme Analytics <digest@example.com>"}}
  slack: {{type: slack, token: "${{SLACK_TOKEN}}", base_url: "{slack}"}}
  files: {{type: folder, path: {folder}}}
limits: {{connect: 1, read: 1, try: 1.5, call: 2, tries: 2}}
digests:
  monday-email:
    {{app: shop, period: week, schedule: "mon 08:00",
      to: {{mail: [ana@example.com, "Bob <bob@example.com>"]}}}}
  daily-slack: {{app: shop, period: day, schedule: "mon-fri 09:00", to: {{slack: ["#growth"]}}}}
  archive: {{app: shop, period: week, schedule: "mon 09:00", to: {{files: [weekly]}}}}
  everywhere:
    {{app: shop, period: week, schedule: "mon 09:00",
      to: {{mail: [ana@example.com], slack: ["#growth"], files: [all]}}}}
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What one command left behind."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A config whose mail and Slack go to servers on this machine, and a way to run commands."""

    config: Path
    inbox: Inbox
    slack: SlackSandbox
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Done:
        """Run one command with this desk's config."""
        return run(self.capsys, *arguments, "-c", str(self.config))

    @property
    def nothing_sent(self) -> bool:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return not self.inbox.messages and not self.slack.posts and not files


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> Done:
    """Run one command line; the logging that it sets up does not outlive it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    capsys.readouterr()
    try:
        code = run_command_line(arguments)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    captured = capsys.readouterr()
    return Done(int(code), captured.out, captured.err)


@contextmanager
def desk(
    folder: Path,
    phase: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    app_id: str = "482913750261048",
    title: str = "Demo Shop",
    key: str = KEY,
) -> Iterator[Desk]:
    """A desk that reads from the Phase server at `phase`."""
    with Inbox() as inbox, SlackSandbox() as slack:
        monkeypatch.setenv("PHASE_KEY", key)
        monkeypatch.setenv("SLACK_TOKEN", slack.token)
        path = folder / "config.yaml"
        text = CONFIG.format(
            title=json.dumps(title),
            app_id=app_id,
            phase=phase,
            smtp=inbox.port,
            slack=slack.base_url,
            folder=folder / "files",
        )
        path.write_text(text, encoding="utf-8")
        yield Desk(config=path, inbox=inbox, slack=slack, folder=folder / "files", capsys=capsys)
