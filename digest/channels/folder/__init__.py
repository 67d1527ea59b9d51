"""Everything as files: for archives, shared drives, other tools, and `digest preview`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.channels.folder.channel import FolderChannel
from digest.channels.folder.settings import FolderSettings
from digest.channels.folder.writing import write_preview

if TYPE_CHECKING:
    from digest.channels import Outside
    from digest.core.content import Channel

__all__ = ["KIND", "FolderSettings", "build", "write_preview"]

KIND = "folder"


def build(name: str, settings: FolderSettings, outside: Outside) -> Channel:
    """Make the channel; the folder is made when something is written."""
    del outside  # files need neither a clock nor patience
    return FolderChannel(name, settings)
