"""What the folder channel needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSettings:
    """Where the files go: below `path`, in RECIPIENT/JOB/PERIOD."""

    path: Path
