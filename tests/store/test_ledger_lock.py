"""The sender's lock: held by one process, freed by its end, and never inherited."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from pathlib import Path

import pytest

from digest.errors import StateBusyError
from digest.store.lock import SenderLock


def count_open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Time:
    """Monotonic time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_it_is_waited_for_as_long_as_was_asked(tmp_path: Path) -> None:
    time = Time()
    with SenderLock(tmp_path), pytest.raises(StateBusyError):
        SenderLock(tmp_path, monotonic=time, sleep=time.sleep).take("a test", patience=2.0)
    assert time.now == pytest.approx(1002.0, abs=0.1)


def test_whoever_waits_gets_it_when_it_is_free(tmp_path: Path) -> None:
    time, first = Time(), SenderLock(tmp_path)
    first.take("first")

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        first.release()

    second = SenderLock(tmp_path, monotonic=time, sleep=sleep)
    second.take("second")
    assert time.now < 1000.1
    second.release()


@pytest.mark.parametrize(
    "said", [None, "", "[]", '{"pid": "x", "command": "y"}', '{"command": "y"}', "\xff"]
)
def test_a_holder_of_whom_nothing_is_known_is_another_digest(
    tmp_path: Path, said: str | None
) -> None:
    with SenderLock(tmp_path):
        holder = tmp_path / "digest.lock.holder"
        holder.unlink()
        if said is not None:
            holder.write_bytes(said.encode("latin-1"))
        with pytest.raises(StateBusyError, match=r"^another digest is using the ledger in "):
            SenderLock(tmp_path).take("a test", patience=0.0)


def test_where_it_cannot_be_said_who_holds_it_it_is_held_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "digest.lock.holder").mkdir()
    lock = SenderLock(tmp_path)
    lock.take("a test")
    with pytest.raises(StateBusyError, match="another digest"):
        SenderLock(tmp_path).take("a test", patience=0.0)
    lock.release()
    with SenderLock(tmp_path):
        pass


def test_releasing_what_is_not_held_does_nothing(tmp_path: Path) -> None:
    lock = SenderLock(tmp_path)
    lock.release()
    lock.take("a test")
    lock.release()
    lock.release()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_that_lives_longer_than_we_do_does_not_keep_the_next_one_out(
    tmp_path: Path,
) -> None:
    lock = SenderLock(tmp_path)
    lock.take("a test")
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        lock.release()
        with SenderLock(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_file_system_without_locks_is_said_and_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(_fd: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    open_before = count_open()
    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", flock)
        with pytest.raises(OSError, match="No locks available"):
            SenderLock(tmp_path).take("a test")
    assert count_open() == open_before
