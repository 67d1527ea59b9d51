"""The daemon's note beside its ledger: whole or not there, private, and read with care."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from digest.service import note
from digest.service.note import Note

if TYPE_CHECKING:
    from pathlib import Path

SAID = Note(pid=123, config="config.yaml", reloads=2, problems=("config.yaml:3: no such key",))


def test_what_is_written_is_read_and_only_by_its_user(tmp_path: Path) -> None:
    path = tmp_path / "serve.json"
    note.write(path, Note(pid=1, config="old.yaml"))
    note.write(path, SAID)
    assert note.read(path) == SAID
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["serve.json"]


def test_where_there_is_none_nothing_is_read(tmp_path: Path) -> None:
    assert note.read(tmp_path / "serve.json") is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"pid": "x", "config": "", "reloads": 0, "problems": []}',
        '{"pid": 1, "config": "", "reloads": null, "problems": []}',
        '{"pid": 1, "config": "", "reloads": 0, "problems": 3}',
        "\udc80",
    ],
)
def test_what_makes_no_sense_is_no_note(tmp_path: Path, content: str) -> None:
    path = tmp_path / "serve.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    assert note.read(path) is None


def test_what_can_t_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "serve.json"
    note.write(path, SAID)
    (tmp_path / ".serve.json.part").mkdir()
    with pytest.raises(OSError, match="directory"):
        note.write(path, Note(pid=1, config="new.yaml"))
    assert note.read(path) == SAID
