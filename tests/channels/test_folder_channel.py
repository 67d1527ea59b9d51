"""Deliveries as files, read back from the disk."""

from __future__ import annotations

import errno
import json
import re
import resource
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.channels import build
from digest.channels.folder import FolderSettings, write_preview
from digest.channels.folder.channel import state_after
from digest.channels.folder.writing import safe_name
from digest.core.content import Content, DeliveryKind, DeliveryState, Follows
from digest.errors import DeliveryError
from tests.support.deliveries import (
    DATE,
    OUTSIDE,
    chart,
    details,
    email,
    envelope,
    headline,
    picture,
    png,
    section,
    slack,
)
from tests.support.passages import sent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from digest.core.content import Channel, Envelope

SENT, FAILED = DeliveryState.SENT, DeliveryState.FAILED
POSTS = slack(headline("up", chart()), details("By country"), pictures=(picture(),))
FILES = {"report.json": b'{"job": "monday-email"}'}
NAMES = {"email.eml", "email.html", "email.txt", "report.json", "sessions.png", "slack.json"}


def channel(path: Path) -> Channel:
    return build("folder")("files", FolderSettings(path=path), OUTSIDE)


def team(*, kind: DeliveryKind = DeliveryKind.DIGEST, **changes: Any) -> Envelope:
    made = envelope("team", posts=POSTS, files=FILES, channel="files", **changes)
    return made if made.test else replace(made, key=replace(made.key, kind=kind))


def test_a_delivery_is_a_folder_of_files(tmp_path: Path) -> None:
    (result,) = sent(channel(tmp_path), team())
    folder = tmp_path / "team" / "monday-email" / "2026-W47"
    assert (result.state, result.reference) == (SENT, str(folder))
    assert {path.name for path in folder.iterdir()} == NAMES | {"delivery.json"}
    assert (folder / "report.json").read_bytes() == FILES["report.json"]
    assert (folder / "email.txt").read_text() == "1,234 sessions\n"


def test_the_page_shows_its_charts_from_the_files_beside_it(tmp_path: Path) -> None:
    sent(channel(tmp_path), team())
    (page,) = tmp_path.rglob("email.html")
    (source,) = re.findall(r'src="([^"]+)"', page.read_text())
    assert (page.parent / source).read_bytes() == png()


def test_the_mail_can_be_opened_by_a_mail_program(tmp_path: Path) -> None:
    sent(channel(tmp_path), team())
    (file,) = tmp_path.rglob("email.eml")
    message = message_from_bytes(file.read_bytes(), policy=default)
    assert message["Subject"] == "Acme Shop: 1,234 sessions in week 47"
    assert message["To"] == "digest@localhost"
    assert "image/png" in {part.get_content_type() for part in message.walk()}


def test_slack_json_has_the_messages_with_pictures_named_by_their_files(tmp_path: Path) -> None:
    sent(channel(tmp_path), team())
    (file,) = tmp_path.rglob("slack.json")
    image = {
        "type": "image",
        "alt_text": "sessions went up",
        "slack_file": {"id": "sessions.png"},
    }
    by_country = section("By country")
    assert json.loads(file.read_text()) == {
        "messages": [
            {"channel": "team", "text": "up", "blocks": [section("up"), image], "thread": False},
            {"channel": "team", "text": "By country", "blocks": [by_country], "thread": True},
        ]
    }


def test_a_second_delivery_replaces_the_first_as_a_whole(tmp_path: Path) -> None:
    made = channel(tmp_path)
    sent(made, envelope("team", files={"old.json": b"1"}))
    sent(made, envelope("team", files={"new.json": b"2"}))
    folder = tmp_path / "team" / "monday-email"
    assert [path.name for path in folder.iterdir()] == ["2026-W47"]
    assert not (folder / "2026-W47" / "old.json").exists()
    assert (folder / "2026-W47" / "new.json").read_bytes() == b"2"


def test_what_a_killed_process_left_behind_is_cleared(tmp_path: Path) -> None:
    place = tmp_path / "team" / "monday-email"
    for name in (".2026-W47.part", ".2026-W47.old"):
        (place / name).mkdir(parents=True)
        (place / name / "half").write_text("x")
    (result,) = sent(channel(tmp_path), team())
    assert result.state is SENT
    assert [path.name for path in place.iterdir()] == ["2026-W47"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param({"test": True}, "2026-W47-test", id="a test"),
        pytest.param({"kind": DeliveryKind.OPS}, "2026-W47-ops", id="a word to the operator"),
        pytest.param({"kind": DeliveryKind.ALERT}, "2026-W47-alert", id="an alert"),
        pytest.param({"generation": 2}, "2026-W47-resend2", id="sent again"),
    ],
)
def test_what_is_not_the_first_delivery_lies_beside_it(
    changes: dict[str, Any], name: str, tmp_path: Path
) -> None:
    made = channel(tmp_path)
    sent(made, team(), team(**changes))
    folder = tmp_path / "team" / "monday-email"
    assert {path.name for path in folder.iterdir()} == {"2026-W47", name}


@pytest.mark.parametrize("reference", [None, "<a@b.c>\r\nBcc: eve@example.com"])
def test_a_message_that_follows_another_names_its_mail_and_stays_a_folder_of_its_own(
    reference: str | None, tmp_path: Path
) -> None:
    first, later = team(), team(generation=1)
    follows = Follows(key=first.key, reference=reference, edits=True)
    sent(channel(tmp_path), first, replace(later, follows=follows))
    folder = tmp_path / "team" / "monday-email"
    old, new = (
        message_from_bytes((folder / name / "email.eml").read_bytes(), policy=default)
        for name in ("2026-W47", "2026-W47-resend1")
    )
    assert new["In-Reply-To"] == new["References"] == old["Message-ID"]
    assert new["To"] == old["To"]
    assert "Bcc" not in new


def test_what_a_reader_follows_is_not_in_the_document_that_all_share(tmp_path: Path) -> None:
    made = channel(tmp_path)
    plain, later = team(), replace(team(), follows=Follows(key=team().key))
    assert made.freeze(plain).document == made.freeze(later).document
    assert made.freeze(plain).head == b""


def test_a_test_is_marked_in_mail_and_slack(tmp_path: Path) -> None:
    sent(channel(tmp_path), team(test=True))
    (mail,) = tmp_path.rglob("email.eml")
    (posts,) = tmp_path.rglob("slack.json")
    assert b"Subject: [test] Acme Shop" in mail.read_bytes()
    assert json.loads(posts.read_text())["messages"][0]["text"] == "[test] up"


@pytest.mark.parametrize(
    "recipient",
    ["../../etc", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "x\0y", "CON", "x" * 5000, "~root"],
)
def test_no_recipient_leads_out_of_the_folder(recipient: str, tmp_path: Path) -> None:
    inside = tmp_path / "out"
    (result,) = sent(channel(inside), envelope(recipient))
    assert result.state is SENT
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert len(list(inside.iterdir())) == 1


def test_an_address_is_a_fine_name_and_reader(tmp_path: Path) -> None:
    sent(channel(tmp_path), envelope("ana+x@example.com"))
    (mail,) = (tmp_path / "ana+x@example.com").rglob("email.eml")
    assert message_from_bytes(mail.read_bytes())["To"] == "ana+x@example.com"


@given(st.text(), st.text())
def test_names_are_safe_and_two_texts_never_share_one(one: str, other: str) -> None:
    name = safe_name(one)
    assert re.fullmatch(r"[^/\\\0.-][^/\\\0]*", name)
    assert len(name.encode()) <= 120
    assert (name == safe_name(other)) == (one == other)


def test_hostile_file_and_picture_names_stay_inside(tmp_path: Path) -> None:
    bad = picture("../../evil")
    content = Content(
        email=email(html='<img src="cid:../../evil">', pictures=(bad,)),
        slack=slack(headline("up", chart("../../evil")), pictures=(bad,)),
        files={"../../report.json": b"{}"},
    )
    out = tmp_path / "out"
    written = preview(out, content)
    assert {path.parent for path in written} == {out}
    (source,) = re.findall(r'src="([^"]+)"', (out / "email.html").read_text())
    assert (out / source).read_bytes() == bad.png
    image = json.loads((out / "slack.json").read_text())["messages"][0]["blocks"][1]
    assert (out / image["slack_file"]["id"]).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def preview(out: Path, content: Content) -> list[Path]:
    return write_preview(
        out,
        content,
        sender="Acme Analytics <digest@example.com>",
        recipient="Ana <ana@example.com>",
        slack_channel="#growth",
        date=DATE,
        key=envelope("ana@example.com").key,
    )


def test_a_preview_writes_what_would_be_sent_and_names_the_files(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    written = preview(out, team().content)
    assert {path.name for path in written} == NAMES
    assert all(path.is_file() for path in written)
    message = message_from_bytes((out / "email.eml").read_bytes(), policy=default)
    assert message["From"] == "Acme Analytics <digest@example.com>"
    assert message["To"] == "Ana <ana@example.com>"
    assert json.loads((out / "slack.json").read_text())["messages"][0]["channel"] == "#growth"


def test_a_preview_leaves_other_files_alone_and_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    first = {path: path.read_bytes() for path in preview(tmp_path, team().content)}
    again = {path: path.read_bytes() for path in preview(tmp_path, team().content)}
    assert first == again
    assert {path.name for path in tmp_path.iterdir()} == NAMES | {"mine.txt"}


def test_a_preview_with_a_bad_address_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match='"nobody" is not a mail address'):
        write_preview(
            tmp_path,
            team().content,
            sender="nobody",
            recipient="ana@example.com",
            slack_channel="",
            date=DATE,
            key=team().key,
        )


def test_files_get_the_usual_rights(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    usual = (tmp_path / "plain").stat().st_mode
    assert {path.stat().st_mode for path in preview(tmp_path, team().content)} == {usual}


def test_a_folder_that_cannot_be_made_fails_that_delivery_alone(tmp_path: Path) -> None:
    (tmp_path / "team").write_text("a file, not a folder")
    results = sent(channel(tmp_path), team(), envelope("others"))
    assert [result.state for result in results] == [FAILED, SENT]
    assert "can't be written: " in results[0].detail


@pytest.mark.parametrize(
    ("number", "state"),
    [
        pytest.param(errno.ENOSPC, DeliveryState.RETRY_WAIT, id="disk full"),
        pytest.param(errno.EDQUOT, DeliveryState.RETRY_WAIT, id="quota"),
        pytest.param(errno.EACCES, FAILED, id="not allowed"),
        pytest.param(errno.EROFS, FAILED, id="read-only"),
        pytest.param(errno.ENOTDIR, FAILED, id="a file in the way"),
    ],
)
def test_what_can_pass_by_itself_is_tried_later(number: int, state: DeliveryState) -> None:
    assert state_after(OSError(number, "no")) is state


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """The system refuses files of more bytes for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_fails_midway_leaves_the_delivery_before_it_whole(tmp_path: Path) -> None:
    made = channel(tmp_path)
    sent(made, team())
    place = tmp_path / "team" / "monday-email"
    before = {path.name: path.read_bytes() for path in (place / "2026-W47").iterdir()}
    with no_file_above(100):
        (result,) = sent(made, team())
    assert result.state is FAILED
    assert "File too large" in result.detail
    assert {path.name: path.read_bytes() for path in (place / "2026-W47").iterdir()} == before
    assert [path.name for path in place.iterdir()] == ["2026-W47"]


def test_a_probe_writes_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out"
    assert channel(path).probe() == f"{path} can be written to"
    assert list(path.iterdir()) == []


def test_a_probe_of_a_bad_path_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DeliveryError, match="can't be written to"):
        channel(tmp_path / "file").probe()
