"""Names from the outside are data: in a real digest they add no header, element or mention."""

from __future__ import annotations

import email
import email.policy
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from digest.sandbox.blockkit import BlockKit
from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from tests.support.commands import CLOCK, NOW, desk
from tests.support.recorded import recorded_rows
from tests.support.rendered import Structure

if TYPE_CHECKING:
    from pathlib import Path

    from digest.sandbox.rows import Rows

HARMLESS = "plain name"
HOSTILE = {
    "HTML": "<img src=x onerror=alert(1)><b>bold</b><!-- \"'",
    "template": "{{7*7}}{% for x in y %}{# #}",
    "mention": "<!channel> <@U123> @here <http://evil.example|click>",
    "line breaks": "first\r\nBcc: everyone@example.com\r\n\r\nbody",
    "right to left": "abc\u202edcba\u2066",
    "long": "x" * 10_000,
    "formula": "=CMD()|' /C calc'!A0",
    "mark-up": "*bold* _it_ ~no~ `code` :tada:",
}


def rows_with(name: str) -> Rows:
    """The recorded rows, with one event and one screen renamed."""
    rows = recorded_rows()
    events = tuple(
        event._replace(name=name) if event.name in {"app_open", "/home"} else event
        for event in rows.events
    )
    return replace(rows, events=events)


def previewed(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    out = tmp_path / "out"
    with (
        PhaseSandbox(rows_with(name), api=Flavour.CURRENT, clock=lambda: CLOCK) as box,
        desk(tmp_path, box.base_url, capsys, monkeypatch, title=name) as made,
    ):
        done = made.run("run", "everywhere", "--now", NOW)
        assert done.code == 0, done.said
        (mail,) = made.inbox.messages
        out.mkdir()
        (out / "email.eml").write_bytes(mail.data)
        posts = [{"text": post.text, "blocks": post.blocks} for post in made.slack.posts]
        (out / "posts.json").write_text(json.dumps(posts), encoding="utf-8")
    return out


@pytest.fixture(scope="module")
def plain_pages() -> list[str]:
    """The mail's HTML when every name is harmless; filled by the first test that needs it."""
    return []


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_name_stays_a_name(
    name: str,
    tmp_path: Path,
    plain_pages: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not plain_pages:
        (tmp_path / "plain").mkdir()
        plain_pages.append(html_of(previewed(HARMLESS, tmp_path / "plain", capsys, monkeypatch)))
    (tmp_path / "hostile").mkdir()
    hostile = previewed(name, tmp_path / "hostile", capsys, monkeypatch)

    raw = (hostile / "email.eml").read_bytes()
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    assert len(re.findall(r"(?im)^subject:", head)) == 1
    assert not re.search(r"(?im)^(bcc|cc):", head)
    assert "\n" not in mail["Subject"]
    assert len(mail["Subject"]) <= 200
    assert mail["To"] == "ana@example.com"
    assert max(map(len, raw.split(b"\r\n"))) <= 998

    page = html_of(hostile)
    assert Structure(page).elements == Structure(plain_pages[0]).elements
    assert len(page.encode()) < 90_000
    if "{{" in name:
        assert "{{7*7}}" in Structure(page).text
    for bad in ("\u202e", "\u2066"):
        assert bad not in page

    posts = json.loads((hostile / "posts.json").read_text(encoding="utf-8"))
    for post in posts:
        # the sandbox's Slack has taken the blocks already, so they are inside all limits
        assert BlockKit(lambda _id: True).problems(post["blocks"]) == []
        for text in mrkdwn(post):
            assert not re.search(r"<[!@#]|<http", text), text


def html_of(folder: Path) -> str:
    mail = email.message_from_bytes(
        (folder / "email.eml").read_bytes(), policy=email.policy.default
    )
    return str(next(p for p in mail.walk() if p.get_content_type() == "text/html").get_content())


def mrkdwn(post: dict[str, Any]) -> list[str]:
    """Every text that Slack would read as mark-up: mrkdwn objects, and the message's own text."""
    found = [post["text"]]

    def look(value: Any) -> None:
        match value:
            case {"type": "mrkdwn", "text": str(text)}:
                found.append(text)
            case dict():
                for held in value.values():
                    look(held)
            case list():
                for held in value:
                    look(held)
            case _:
                pass

    look(post["blocks"])
    return found
