"""`digest demo`: what a new user sees, on any day."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from digest import demo

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli import Terminal


def silent(_what: str, _done: int, _total: int) -> None:
    return


@pytest.mark.parametrize(
    ("now", "week", "day"),
    [
        ("2026-11-23T00:30:00Z", "2026-W46", "2026-11-21"),
        ("2027-01-01T12:00:00Z", "2026-W52", "2026-12-31"),
        ("2028-02-29T23:59:59Z", "2028-W08", "2028-02-28"),
    ],
    ids=["monday before the week has settled", "new year", "leap day"],
)
def test_it_works_on_any_day(tmp_path: Path, now: str, week: str, day: str) -> None:
    shown = demo.show(tmp_path / "out", datetime.fromisoformat(now), silent)
    assert shown.sentences[:2] == (
        f"sent monday-email {week} to you@example.com over mail",
        f"sent daily-slack {day} to #growth over slack",
    )


def test_it_ends_with_what_was_sent_and_where_to_look(terminal: Terminal, tmp_path: Path) -> None:
    said = terminal("demo", "--out", "a/b")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines] == [
        *("sent", "sent", "sent", "sent"),
        *("fetched", "open"),
    ]
    page = tmp_path / lines[-1].removeprefix("open ")
    mail, slack = page.parent / "monday-email", page.parent / "daily-slack"
    alert = page.parent / "bounce-rate-spike"
    assert page == tmp_path / "a" / "b" / "index.html"
    for source in (
        *(page, mail / "email.html", slack / "slack.html"),
        *(alert / "email.html", alert / "slack.html"),
    ):
        text = source.read_text(encoding="utf-8")
        assert "cid:" not in text
        for target in re.findall(r'src="([^"]+)"', text):
            assert (source.parent / target).is_file(), target
    message = email.message_from_bytes(
        (mail / "email.eml").read_bytes(), policy=email.policy.default
    )
    assert message["To"] == "you@example.com"
    assert "Acme Shop" in message["Subject"]
    assert terminal("demo", "--out", "a/b").code == 0, "a second time, into the same folder"


def test_a_folder_that_can_t_be_written_is_one_sentence(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = terminal("demo", "--out", "file/below")
    assert (said.code, said.out) == (1, "")
    assert said.err == "digest: file/below: Not a directory\n"
