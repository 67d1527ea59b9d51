"""Where the ledger is, and where it can't be: said in one sentence, before anything is sent."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from digest.errors import StateBusyError, StateRefusedError
from digest.store import places, sqlite
from digest.store.opening import open_sender
from digest.store.places import StatePlace, file_system, make_folder, state_place
from tests.store.databases import quick_folder
from tests.store.refused import ledger_of, refused, refused_to_look
from tests.support.ledgers import Clock, opened, plan

if TYPE_CHECKING:
    from collections.abc import Iterator


# Where it can't be


def test_a_state_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")
    folder = tmp_path / "state" / "digest"
    assert refused(folder) == (
        f"the state folder {folder} can't be made: Not a directory; set `state` in the config"
    )


def test_a_state_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.write_text("")
    assert refused(folder).startswith(f"the state folder {folder} can't be made: File exists")


def test_a_state_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "digest.lock").mkdir()
    assert refused(tmp_path) == f"the state folder {tmp_path} can't be written: Is a directory"


def test_a_ledger_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "digest.db").mkdir()
    assert refused(tmp_path) == f"{tmp_path / 'digest.db'} can't be read: Is a directory"


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder into which everybody may write."""
    with quick_folder() as folder:
        folder.chmod(0o777)
        yield folder


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's leave to write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_ledger_that_cannot_be_written_is_said_before_anything_is_sent(shared: Path) -> None:
    path = ledger_of(shared)
    path.chmod(0o444)
    (shared / "digest.lock").chmod(0o666)
    (shared / "instance.json").chmod(0o666)
    with as_nobody():
        said = refused(shared)
    assert said == (
        f"the ledger {path} can't be written (read-only?), and without it nothing is sent"
    )


def test_a_mark_that_cannot_be_written_is_said(shared: Path) -> None:
    path = ledger_of(shared)
    for file in (path, shared / "digest.lock"):
        file.chmod(0o666)
    (shared / "instance.json").chmod(0o444)
    with as_nobody():
        assert "instance.json can't be written" in refused(shared)


def test_a_ledger_that_may_not_be_read_is_said(shared: Path) -> None:
    path = ledger_of(shared)
    path.chmod(0o200)
    with as_nobody():
        assert refused_to_look(shared) == f"{path} can't be read: Permission denied"


def test_a_ledger_that_cannot_be_made_is_said(shared: Path) -> None:
    (shared / "digest.lock").touch(mode=0o666)
    (shared / "digest.lock").chmod(0o666)
    shared.chmod(0o555)
    with as_nobody():
        said = refused(shared)
    assert said == f"{shared / 'digest.db'} can't be made: Permission denied"


def test_a_database_that_another_program_keeps_locked_is_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ledger_of(tmp_path)
    monkeypatch.setattr("digest.store.sqlite._PATIENCE", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateBusyError) as busy, opened(tmp_path):
            pass
    assert str(busy.value) == f"{path}: another program holds the database; try again"


def test_a_full_disk_is_for_later_and_leaves_nothing_that_is_taken_for_a_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine_of = sqlite.engine_of

    def small_disk(path: Path) -> object:
        engine = engine_of(path)
        event.listen(
            engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count=3").fetchall()
        )
        return engine

    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "engine_of", small_disk)
        with pytest.raises(StateBusyError, match="its disk is full; nothing is sent until there"):
            open_sender(StatePlace(path=tmp_path / "digest.db"), command="a test", clock=Clock())
    assert not (tmp_path / "digest.db").exists()
    with opened(tmp_path) as store:
        assert plan(store, "ana").row


# Network file systems


MOUNTS = """\
sysfs /sys sysfs rw 0 0
/dev/vda / ext4 rw 0 0
server:/export /srv/shared nfs4 rw,vers=4.2 0 0
tmpfs /srv/shared/local tmpfs rw 0 0
//server/share /mnt/with\\040space cifs rw 0 0
me@host: /home/me/remote fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/digest", "ext4"),
        ("/srv/shared/digest", "nfs4"),
        ("/srv/shared", "nfs4"),
        ("/srv/shared/local/digest", "tmpfs"),
        ("/srv/sharedness", "ext4"),
        ("/mnt/with space/digest", "cifs"),
        ("/home/me/remote", "fuse.sshfs"),
        ("/sys/fs", "sysfs"),
    ],
)
def test_the_file_system_of_a_folder_is_that_of_the_nearest_mount(
    tmp_path: Path, folder: str, kind: str
) -> None:
    table = tmp_path / "mounts"
    table.write_text(MOUNTS)
    assert file_system(Path(folder), table) == kind


def test_where_there_is_no_table_of_mounts_nothing_is_known(tmp_path: Path) -> None:
    assert file_system(tmp_path, tmp_path / "none") is None


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        *((kind, False) for kind in ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph")),
        *((kind, False) for kind in ("lustre", "glusterfs", "fuse.glusterfs", "fuse.sshfs")),
        *((kind, True) for kind in ("ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", None)),
    ],
)
def test_network_file_systems_are_refused_because_locks_and_syncs_lie_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str | None,
    taken: bool,  # noqa: FBT001 — a column of the table
) -> None:
    monkeypatch.setattr(places, "file_system", lambda _folder: kind)
    if taken:
        make_folder(tmp_path)
        return
    with pytest.raises(StateRefusedError) as caught:
        make_folder(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} is on a network file system ({kind}), where locks and syncs can't be trusted; "
        "put `state` on a local disk, or use PostgreSQL"
    )


# Where it is


@pytest.mark.parametrize(
    ("url", "env", "place"),
    [
        (None, {"STATE_DIRECTORY": "/var/lib/digest"}, "/var/lib/digest/digest.db"),
        (None, {"STATE_DIRECTORY": "/var/lib/digest:/var/lib/more"}, "/var/lib/digest/digest.db"),
        (None, {"XDG_STATE_HOME": "/home/me/state"}, "/home/me/state/digest/digest.db"),
        (
            None,
            {"STATE_DIRECTORY": "/s", "XDG_STATE_HOME": "/x", "HOME": "/h"},
            "/s/digest.db",
        ),
        (None, {"HOME": "/home/me"}, "/home/me/.local/state/digest/digest.db"),
        (None, {"HOME": ""}, "/var/lib/.local/state/digest/digest.db"),
        (None, {}, "/var/lib/.local/state/digest/digest.db"),
        ("sqlite:////srv/digest/my.db", {"HOME": "/h"}, "/srv/digest/my.db"),
        ("sqlite:///my.db", {}, "my.db"),
    ],
)
def test_where_the_ledger_is(url: str | None, env: dict[str, str], place: str) -> None:
    found = state_place(url, env)
    assert (found.path, found.url, found.shown) == (Path(place), "", place)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@db/digest", "postgresql+psycopg://db/digest"),
        ("postgresql+psycopg://me:secret@db:5432/digest", "postgresql+psycopg://db:5432/digest"),
        ("postgresql://db/digest?password=secret", "postgresql+psycopg://db/digest"),
    ],
)
def test_a_server_is_named_without_its_password(url: str, shown: str) -> None:
    found = state_place(url, {})
    assert found.path is None
    assert found.url.startswith("postgresql+psycopg://")
    assert found.shown == shown
