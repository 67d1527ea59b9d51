"""Asking a running daemon to read its config again, and waiting for what it says."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import TYPE_CHECKING

from digest.app.parts import place_of
from digest.config import loader
from digest.errors import ConfigError, StateBusyError
from digest.service import note
from digest.store.lock import is_held
from digest.store.places import note_place, state_place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from digest.store.places import StatePlace

PATIENCE = 60.0
"""Seconds; user templates may take half of that to be checked."""

_PAUSE = 0.05
_SQLITE = "sqlite:///"
_STATE = re.compile(r"""^state:\s*["']?((?:sqlite|postgresql)[^\s"'#]+)""", re.MULTILINE)


def ask_to_reload(path: Path | None, env: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The problems that the daemon found in its config; none when it has taken it up.

    Raises StateBusyError when no daemon runs, or it does not answer; ConfigError when there is no
    config.
    """
    env = os.environ if env is None else env
    place = _place(path, env)
    where = note_place(place, env)
    before = note.read(where)
    if before is None or (place.path is not None and not is_held(place)):
        raise StateBusyError(f"no digest serve is running with the ledger {place.shown}")
    try:
        os.kill(before.pid, signal.SIGHUP)
    except ProcessLookupError:
        raise StateBusyError(f"no digest serve is running with the ledger {place.shown}") from None
    except PermissionError:
        raise StateBusyError(
            f"process {before.pid} is somebody else's; ask as its user, or as root"
        ) from None
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        now = note.read(where)
        if now is not None and now.pid == before.pid and now.reloads > before.reloads:
            return now.problems
        time.sleep(_PAUSE)
    raise StateBusyError(f"digest serve (process {before.pid}) did not answer; its log says why")


def _place(path: Path | None, env: Mapping[str, str]) -> StatePlace:
    """Where the daemon's ledger is, also by a config that is broken elsewhere."""
    found = loader.find(path, env)
    try:
        return place_of(loader.load(found, env))
    except ConfigError:
        if not found.exists():
            raise
        return state_place(_state_in(found), env)


def _state_in(config: Path) -> str | None:
    """What the file's `state` line says, read without understanding the rest."""
    try:
        line = _STATE.search(config.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    if line is None or not line[1].startswith(_SQLITE):
        return None if line is None else line[1]
    return _SQLITE + str((config.absolute().parent / line[1].removeprefix(_SQLITE)).absolute())
