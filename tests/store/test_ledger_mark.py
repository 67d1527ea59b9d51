"""The mark beside the ledger: how far it had come, overwritten in place and never lowered."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from digest.errors import UnsureError
from digest.store.highwater import HighWater, Mark

if TYPE_CHECKING:
    from pathlib import Path


def opened(folder: Path, *, known: int = -1) -> HighWater:
    mark = HighWater(folder)
    mark.open("digest", known)
    return mark


def test_where_there_is_no_mark_nothing_is_known(tmp_path: Path) -> None:
    assert HighWater(tmp_path).read() is None


def test_a_mark_is_read_as_it_was_written(tmp_path: Path) -> None:
    mark = opened(tmp_path)
    mark.raise_to(7)
    assert HighWater(tmp_path).read() == Mark(install="digest", sent=7)
    mark.close()


def test_a_mark_takes_the_place_of_the_last_one_and_has_its_length(tmp_path: Path) -> None:
    mark = opened(tmp_path)
    sizes = set()
    for sent in (0, 9, 10, 10**9):
        mark.raise_to(sent)
        sizes.add(len(mark.path.read_bytes()))
        assert json.loads(mark.path.read_text())["sent"] == sent
    mark.close()
    assert sizes == {256}
    assert stat.S_IMODE(mark.path.stat().st_mode) == 0o600


def test_a_mark_is_never_lowered(tmp_path: Path) -> None:
    first = opened(tmp_path)
    for sent in (5, 4, 5, 0):
        first.raise_to(sent)
    first.close()
    second = opened(tmp_path, known=5)
    second.raise_to(3)
    second.close()
    assert HighWater(tmp_path).read() == Mark(install="digest", sent=5)


@pytest.mark.parametrize("is_open", [False, True])
def test_a_mark_that_is_closed_is_left_alone(tmp_path: Path, is_open: bool) -> None:  # noqa: FBT001
    mark = opened(tmp_path) if is_open else HighWater(tmp_path)
    for _ in range(2):
        mark.close()
    mark.raise_to(7)
    assert HighWater(tmp_path).read() is None


def test_a_mark_for_which_there_is_no_room_stops_everything(tmp_path: Path) -> None:
    (tmp_path / "instance.json").symlink_to("/dev/full")
    mark = opened(tmp_path)
    with pytest.raises(UnsureError) as caught:
        mark.raise_to(1)
    assert str(caught.value) == (
        f"{mark.path} can't be written: No space left on device; nothing more is sent. Look at the "
        "disk, then run digest again"
    )
    mark.close()
