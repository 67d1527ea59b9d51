"""Asking a daemon to read its config again: who is asked, and what is said when nobody answers.

That it works is tested with real daemons, in `tests/matrix/test_matrix_daemon.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from digest.errors import ConfigError, StateBusyError
from digest.service import asking, note
from digest.service.asking import ask_to_reload
from digest.service.note import Note
from digest.store.lock import SenderLock
from tests.support.cli import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """\
state: {state}
apps: {{shop: {{app_id: "1", api_key: KEY, base_url: "http://127.0.0.1:9"}}}}
channels: {{files: {{type: folder, path: ./out}}}}
digests:
  daily: {{app: shop, period: day, schedule: every day 09:00, to: {{files: ["."]}}}}
"""
STATES = [
    "sqlite:///./state/digest.db",
    '"sqlite:///./state/digest.db"',
    "'sqlite:///./state/digest.db'  # here",
]
# Answers each SIGHUP as the daemon does, until its stdin ends.
ANSWERS = """
import os, signal, sys
from pathlib import Path
from digest.service import note
path, reloads = Path(sys.argv[1]), 0
def say():
    said = note.Note(pid=os.getpid(), config="", reloads=reloads, problems=tuple(sys.argv[2:]))
    note.write(path, said)
def heard(*_):
    global reloads
    reloads += 1
    say()
signal.signal(signal.SIGHUP, heard)
say()
print("ready", flush=True)
while sys.stdin.read(1):
    pass
"""


def configured(folder: Path, state: str = STATES[0], broken: str = "") -> Path:
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(state=state) + broken, encoding="utf-8")
    (folder / "state").mkdir(exist_ok=True)
    return path


@contextmanager
def answering(folder: Path, *problems: str) -> Iterator[int]:
    """A process that answers, while the ledger's lock is held."""
    arguments = [sys.executable, "-c", ANSWERS, str(folder / "state" / "serve.json"), *problems]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with (
        SenderLock(folder / "state"),
        subprocess.Popen(arguments, env=env, stdin=pipe, stdout=pipe, text=True) as process,
    ):
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate("")


@pytest.mark.parametrize("broken", ["", "colour: red\n", "digests: {\n"])
@pytest.mark.parametrize("state", STATES[:2])
def test_the_daemon_of_the_config_s_ledger_is_asked_also_by_a_broken_config(
    tmp_path: Path, state: str, broken: str
) -> None:
    path = configured(tmp_path, state, broken)
    with answering(tmp_path, "one problem", "another"):
        assert ask_to_reload(path, {}) == ("one problem", "another")


def test_it_says_nothing_when_all_is_well_and_may_be_asked_again(tmp_path: Path) -> None:
    path = configured(tmp_path, STATES[2])
    with answering(tmp_path):
        assert ask_to_reload(path, {}) == ()
        assert ask_to_reload(path, {}) == ()


def test_without_a_daemon_that_is_said(tmp_path: Path) -> None:
    path = configured(tmp_path)
    said = "no digest serve is running with the ledger .*digest.db"
    with pytest.raises(StateBusyError, match=said):
        ask_to_reload(path, {})
    note.write(tmp_path / "state" / "serve.json", Note(pid=os.getpid(), config=""))
    with pytest.raises(StateBusyError, match=said):
        ask_to_reload(path, {})


def test_a_note_of_a_dead_process_is_not_believed(tmp_path: Path) -> None:
    path = configured(tmp_path)
    dead = subprocess.Popen(["true"])
    dead.wait()
    note.write(tmp_path / "state" / "serve.json", Note(pid=dead.pid, config=""))
    with SenderLock(tmp_path / "state"), pytest.raises(StateBusyError, match="no digest serve"):
        ask_to_reload(path, {})


def test_a_daemon_that_does_not_answer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE", 0.2)
    path = configured(tmp_path)
    ignoring = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        note.write(tmp_path / "state" / "serve.json", Note(pid=os.getpid(), config=""))
        with (
            SenderLock(tmp_path / "state"),
            pytest.raises(StateBusyError, match=f"process {os.getpid()}.* did not answer"),
        ):
            ask_to_reload(path, {})
    finally:
        signal.signal(signal.SIGHUP, ignoring)


def test_a_config_that_is_not_there_is_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml"):
        ask_to_reload(tmp_path / "gone.yaml", {})
