"""A small file beside the ledger in which the daemon says who it is and how its last reload went.

`digest serve --reload` reads it; nobody else depends on it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """The process, its config, and how many reloads it has answered; `problems` of the last one."""

    pid: int
    config: str
    reloads: int = 0
    problems: tuple[str, ...] = ()


def write(path: Path, note: Note) -> None:
    """Put it there, whole or not at all. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(asdict(note)), encoding="utf-8")
    part.chmod(0o600)
    part.replace(path)


def read(path: Path) -> Note | None:
    """What stands there; None when nothing does that makes sense."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        return Note(
            pid=int(found["pid"]),
            config=str(found["config"]),
            reloads=int(found["reloads"]),
            problems=tuple(str(problem) for problem in found["problems"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
