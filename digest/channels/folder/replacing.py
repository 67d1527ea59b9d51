"""A folder that appears, or is replaced, as a whole, and stays through a power cut."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def replace_folder(folder: Path, write: Callable[[Path], object]) -> None:
    """Put what `write` writes into a folder in the place of `folder`.

    Raises OSError; then `folder` is as it was, or was not kept safe from a power cut.
    """
    part = folder.with_name(f".{folder.name}.part")
    old = folder.with_name(f".{folder.name}.old")
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left_over in (part, old):  # by a process that was killed
        if left_over.exists():
            shutil.rmtree(left_over)
    try:
        write(part)
        for path in (*part.iterdir(), part):
            _flush(path)
        _swap(part, folder, old)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        raise
    _flush(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _swap(part: Path, folder: Path, old: Path) -> None:
    if folder.exists():
        folder.rename(old)
    try:
        part.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise


def _flush(path: Path) -> None:
    """Have the system write it to the disk, where it can."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # file systems of networks can't do it for folders
            raise
    finally:
        os.close(handle)
