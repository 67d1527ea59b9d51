"""Whole outputs beside the tests. `GOLDEN=write` in the environment writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "render" / "golden"


def golden(name: str, made: str) -> str:
    """What was agreed on for `made`, to be compared with it."""
    file = FOLDER / name
    if os.environ.get("GOLDEN") == "write":
        file.write_text(made, encoding="utf-8")
    return file.read_text(encoding="utf-8")
