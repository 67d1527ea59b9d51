"""The mark beside the ledger: how far it had come, overwritten in place and never lowered."""

from __future__ import annotations

import fcntl
import json
import stat
from concurrent.futures import ThreadPoolExecutor, wait
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


def test_a_mark_that_another_process_raised_is_never_lowered(tmp_path: Path) -> None:
    """Each knows only its own last one; the slower of two commits may come to the file last."""
    first, second = opened(tmp_path, known=5), opened(tmp_path, known=5)
    first.raise_to(7)
    second.raise_to(6)
    assert HighWater(tmp_path).read() == Mark(install="digest", sent=7)
    second.raise_to(8)
    first.raise_to(8)
    assert HighWater(tmp_path).read() == Mark(install="digest", sent=8)
    first.close()
    second.close()


def test_whoever_raises_a_mark_does_it_alone(tmp_path: Path) -> None:
    mark = opened(tmp_path)
    with mark.path.open("rb") as other, ThreadPoolExecutor() as pool:
        fcntl.flock(other, fcntl.LOCK_EX)
        raising = pool.submit(mark.raise_to, 3)
        assert wait([raising], timeout=0.1).not_done
        fcntl.flock(other, fcntl.LOCK_UN)
        raising.result(10)
    assert HighWater(tmp_path).read() == Mark(install="digest", sent=3)
    mark.close()


@pytest.mark.parametrize(
    "found", [b"", b"{}", b"\xff", b'{"install": "another", "sent": 9}', b"nonsense"]
)
def test_what_is_no_mark_of_ours_is_written_over(tmp_path: Path, found: bytes) -> None:
    mark = opened(tmp_path)
    mark.path.write_bytes(found.ljust(256))
    mark.raise_to(1)
    assert HighWater(tmp_path).read() == Mark(install="digest", sent=1)
    mark.close()
