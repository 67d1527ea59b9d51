"""The processes that render users' templates, found from outside, and templates to try them."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SUBJECT = "email/digest.subject.j2"
SLOW = (
    "\n{% set l = range(9000) | list %}{% for a in range(20000) %}"
    "{% if l | map('string') | join | length %}{% endif %}{% endfor %}"
)
"""Half a minute of line 2, in steps that no budget counts."""
STUCK = "{{ 1 | round(99999999, 'ceil') }}"
"""One long step of the interpreter, which no signal handler can break off."""
HUNGRY = "{% set x = [0] %}" + "{% set x = x + x %}" * 40
WORDY = "{% for x in range(20000) %}" + "y" * 50_000 + "{% endfor %}"
"""A gigabyte of text."""
NESTED = "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"


def put(folder: Path, text: str, name: str = SUBJECT) -> Path:
    """Write a user's template; gives its file."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def children(parent: int | None = None) -> list[int]:
    """The rendering children of a process, zombies too; usually of this one."""
    wanted = os.getpid() if parent is None else parent
    return [pid for pid, of, is_ours in _processes() if of == wanted and is_ours]


def at_work(parent: int | None = None) -> int:
    """The rendering child of a process, once it has read its request and limited itself."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for pid in children(parent):
            with suppress(OSError):
                if Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "1000":
                    return pid
        time.sleep(0.01)
    raise AssertionError("no child was started")


def gone(pid: int) -> bool:
    """Whether a process ends within some seconds."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if _state(pid) in {None, "Z"}:
            return True
        time.sleep(0.01)
    return False


def _processes() -> Iterator[tuple[int, int, bool]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, parent = _stat(int(entry.name))
                ours = b"digest.render.child" in (entry / "cmdline").read_bytes()
                yield int(entry.name), parent, ours or state == "Z"


def _stat(pid: int) -> tuple[str, int]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[1])


def _state(pid: int) -> str | None:
    with suppress(OSError):
        return _stat(pid)[0]
    return None
