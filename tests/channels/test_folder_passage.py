"""Folders as deliveries that are frozen, armed, settled once, and can be found again."""

from __future__ import annotations

import errno
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.channels import build
from digest.channels.folder import FolderSettings
from digest.channels.folder.packing import pack, unpack
from digest.channels.folder.replacing import replace_folder
from digest.core.content import DeliveryState, Sighting
from tests.support.deliveries import (
    DATE,
    OUTSIDE,
    chart,
    details,
    email,
    envelope,
    headline,
    picture,
    slack,
)
from tests.support.passages import LoggedPassage, parcel, sent

if TYPE_CHECKING:
    from digest.core.content import Channel

SENT, LATER = DeliveryState.SENT, DeliveryState.RETRY_WAIT
POSTS = slack(headline("up", chart()), details("By country"), pictures=(picture(),))
TEAM = envelope("team", posts=POSTS, files={"report.json": b"{}\xff"}, channel="files")
OTHERS = envelope("others", posts=POSTS, channel="files")


def channel(path: Path) -> Channel:
    return build("folder")("files", FolderSettings(path=path), OUTSIDE)


def test_each_folder_is_begun_and_armed_before_it_is_written(tmp_path: Path) -> None:
    made = channel(tmp_path)
    seen: list[list[Path]] = []
    passage = LoggedPassage(made, TEAM, on_arm=lambda _: seen.append(list(tmp_path.iterdir())))
    made.deliver(passage)
    passage.settled_once()
    names = ["begin", "arm", "still_fresh", "settle"]
    assert passage.calls == [(name, "team") for name in names]
    assert seen == [[]]


@pytest.mark.parametrize("rule", ["unbegun", "unarmed", "stale"])
def test_without_leave_nothing_is_written_and_the_others_go_on(rule: str, tmp_path: Path) -> None:
    rules: dict[str, Any] = {rule: ["team"]}
    results = sent(channel(tmp_path), TEAM, OTHERS, **rules)
    assert [result.state for result in results] == [LATER, SENT]
    assert [path.name for path in tmp_path.iterdir()] == ["others"]


def test_what_cannot_be_read_is_logged_and_keeps_nobody_waiting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = channel(tmp_path)
    for document in (b"not json", b'{"format": 99}'):
        results = sent(made, TEAM, OTHERS, changes={"document": document})
        assert [result.state for result in results] == [LATER, LATER]
        assert " in digest broke off the message for team" in results[0].detail
    assert len(caplog.records) == 4
    assert list(tmp_path.iterdir()) == []


def test_readers_of_one_content_share_a_document_without_their_names(tmp_path: Path) -> None:
    made = channel(tmp_path)
    content = TEAM.content
    first, second = made.freeze(TEAM), made.freeze(replace(OTHERS, content=content))
    assert first == second
    assert (first.head, first.reference) == (b"", None)
    assert b"team" not in first.document


def test_a_picture_of_mail_and_slack_is_in_the_document_once() -> None:
    read = json.loads(pack(TEAM))
    assert len(read["pictures"]) == 1
    assert read["email"]["pictures"] == read["slack"]["pictures"] == [0]


@given(text=st.text(), html=st.text(), data=st.binary(), name=st.text(min_size=1))
def test_what_is_unpacked_is_what_was_packed(text: str, html: str, data: bytes, name: str) -> None:
    given_ = envelope(
        "team", mail=email(text=text, html=html, subject=name), posts=POSTS, files={name: data}
    )
    packed = unpack(pack(given_))
    assert (packed.content, packed.date, packed.test) == (given_.content, DATE, False)
    assert unpack(pack(replace(given_, test=True))).test


def test_the_folder_says_which_delivery_it_is(tmp_path: Path) -> None:
    sent(channel(tmp_path), TEAM)
    (mark,) = tmp_path.rglob("delivery.json")
    assert json.loads(mark.read_text()) == {**asdict(TEAM.key), "key": TEAM.key.digest}


def test_a_folder_that_was_written_is_found(tmp_path: Path) -> None:
    made = channel(tmp_path)
    (result,) = sent(made, TEAM)
    look = made.look(parcel(made, TEAM))
    assert (look.sighting, look.reference) == (Sighting.FOUND, result.reference)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"generation": 1}, id="sent again"),
        pytest.param({"recipient": "others"}, id="another reader"),
        pytest.param({"install": "other"}, id="another install"),
        pytest.param({"channel": "other"}, id="another channel"),
    ],
)
def test_a_folder_of_another_delivery_is_not_taken_for_it(
    change: dict[str, Any], tmp_path: Path
) -> None:
    made = channel(tmp_path)
    sent(made, TEAM)
    look = made.look(parcel(made, TEAM, key=replace(TEAM.key, **change)))
    assert (look.sighting, look.lasting) == (Sighting.ABSENT, True)


@pytest.mark.parametrize("there", ["nothing", "a file", "a folder of an older digest"])
def test_what_is_not_there_is_absent_for_good(there: str, tmp_path: Path) -> None:
    made = channel(tmp_path)
    folder = tmp_path / "team" / "monday-email" / "2026-W47"
    if there == "a file":
        folder.parent.parent.write_text("x")
    elif there != "nothing":
        folder.mkdir(parents=True)
        (folder / "email.html").write_text("x")
    look = made.look(parcel(made, TEAM))
    assert (look.sighting, look.lasting) == (Sighting.ABSENT, True)


def test_what_cannot_be_looked_at_is_unknown(tmp_path: Path) -> None:
    made = channel(tmp_path)
    (tmp_path / "team" / "monday-email" / "2026-W47" / "delivery.json").mkdir(parents=True)
    look = made.look(parcel(made, TEAM))
    assert look.sighting is Sighting.UNKNOWN
    assert "can't be read" in look.detail


def plain(part: Path) -> None:
    part.mkdir()
    (part / "a").write_text("1")


def test_a_folder_that_cannot_make_room_stays(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    replace_folder(folder, plain)

    def in_the_way(part: Path) -> None:
        plain(part)
        (tmp_path / ".out.old").write_text("left by somebody else")

    with pytest.raises(NotADirectoryError):
        replace_folder(folder, in_the_way)
    assert [path.name for path in folder.iterdir()] == ["a"]


def test_a_folder_whose_place_cannot_be_taken_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    replace_folder(folder, plain)
    rename = Path.rename

    def stubborn(path: Path, target: Path) -> Path:
        if path.name == ".out.part":
            raise OSError(errno.ENOSPC, "no room for a name")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", stubborn)
    with pytest.raises(OSError, match="no room"):
        replace_folder(folder, plain)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in folder.iterdir()] == ["a"]
