"""`run` and `preview`: what they say, what they write, and what `--to` leaves alone."""

from __future__ import annotations

import email
import email.policy
import json
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import DeliveryState
from tests.support.cli import config_of, write_config
from tests.support.commands import KEY, NOW
from tests.support.hostile_http import HostileServer, text_answer

if TYPE_CHECKING:
    from pathlib import Path

    from digest.sandbox.inbox import Inbox
    from digest.sandbox.server import PhaseSandbox
    from digest.sandbox.slack import SlackSandbox
    from tests.support.cli import Terminal

DELIVERY = {
    "id": str,
    "job": str,
    "kind": str,
    "period": str,
    "channel": str,
    "recipient": str,
    "generation": int,
    "state": str,
    "attempts": int,
    "uncertain": int,
    "message_id": str | None,
    "last_error": str | None,
    "due_at": str | None,
    "updated_at": str,
    "remarks": list,
}


@pytest.fixture
def connected(
    tmp_path: Path, phase: PhaseSandbox, inbox: Inbox, slack: SlackSandbox
) -> dict[str, Any]:
    """A config in the current folder whose parts all work."""
    config = config_of(phase.base_url, smtp=inbox.port, slack=slack.base_url)
    write_config(tmp_path, config)
    return config


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--to", "me@example.com")], ids=str)
def test_json_has_every_delivery_in_one_shape(
    terminal: Terminal, inbox: Inbox, options: tuple[str, ...]
) -> None:
    said = terminal("run", "small", "--now", NOW, "--json", *options)
    assert said.code == 0
    (made,) = said.json["runs"]
    assert (made["job"], made["period"], made["error"]) == ("small", "2026-W47", None)
    assert made["state"] == ("dry_run" if "--dry-run" in options else "sent")
    assert [one["channel"] for one in made["deliveries"]] == (
        ["mail"] if "--to" in options else ["mail", "slack", "files"]
    )
    for one in made["deliveries"]:
        assert one.keys() == DELIVERY.keys()
        assert all(isinstance(one[name], kind) for name, kind in DELIVERY.items())
        assert DeliveryState(one["state"])
        assert one["kind"] == ("test" if "--to" in options else "digest")
        assert one["attempts"] == (0 if "--dry-run" in options else 1)
    assert len(inbox.messages) == (0 if "--dry-run" in options else 1)
    assert said.err == ""


@pytest.mark.usefixtures("connected")
def test_a_name_that_is_given_twice_is_sent_once(terminal: Terminal, inbox: Inbox) -> None:
    said = terminal("run", "small", "mail-only", "small", "--now", NOW, "--json")
    assert [run["job"] for run in said.json["runs"]] == ["small", "mail-only"]
    assert len(inbox.messages) == 2


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("to", ["#growth", "C0123456789"])
def test_to_a_slack_channel_takes_a_name_or_an_id(
    terminal: Terminal, inbox: Inbox, slack: SlackSandbox, to: str, tmp_path: Path
) -> None:
    said = terminal("run", "mail-only", "--now", NOW, "--to", to)
    assert said.code == 0
    assert f"sent       slack: {to}" in said.out
    assert {post.channel for post in slack.posts} == {"C0123456789"}
    assert slack.posts[0].text.startswith("[test]")
    assert inbox.messages == []
    assert not (tmp_path / "out").exists()


def test_to_uses_the_first_mail_channel_of_the_config(
    terminal: Terminal, tmp_path: Path, connected: dict[str, Any], inbox: Inbox
) -> None:
    second = connected["channels"]["mail"] | {"port": 9}
    connected["channels"] = {"a-folder": connected["channels"]["files"], **connected["channels"]}
    connected["channels"]["zz-mail"] = second
    connected["digests"]["mail-only"]["to"] = {"zz-mail": ["ceo@example.com"]}
    write_config(tmp_path, connected)
    said = terminal("run", "mail-only", "--now", NOW, "--to", "Me <me@example.com>")
    assert (said.code, len(inbox.messages)) == (0, 1)
    message = email.message_from_bytes(inbox.messages[0].data, policy=email.policy.default)
    assert inbox.messages[0].recipients == ("me@example.com",)
    assert message["Subject"].startswith("[test] ")
    assert not [name for name in message if name.lower().startswith("list-unsubscribe")]


@pytest.mark.usefixtures("connected")
def test_without_a_period_it_is_the_last_one_by_the_digest_s_own_calendar(
    terminal: Terminal,
) -> None:
    said = terminal("run", "small", "daily", "--now", NOW, "--dry-run", "--json")
    assert [run["period"] for run in said.json["runs"]] == ["2026-W47", "2026-11-22"]
    # in Berlin it is Monday already, though not in UTC; the week is not over there
    said = terminal("run", "small", "--now", "2026-11-22T23:30:00Z")
    assert said.code == 75
    assert "2026-W47 is not over" in said.err


@pytest.mark.usefixtures("connected")
def test_a_preview_of_a_period_that_is_not_over_is_marked_partial(
    terminal: Terminal, tmp_path: Path
) -> None:
    said = terminal("preview", "small", "--period", "2026-W48", "--out", "p", "--now", NOW)
    assert said.code == 0
    assert "the period is not over; this preview is partial" in said.err
    report = json.loads((tmp_path / "p" / "report.json").read_text())
    assert report["partial"] is True
    assert report["metrics"]["sessions"]["percent"] is None
    assert "not over" in (tmp_path / "p" / "email.txt").read_text()


@pytest.mark.usefixtures("connected")
def test_a_preview_names_its_files_and_a_second_one_replaces_them(
    terminal: Terminal, tmp_path: Path
) -> None:
    named = [terminal("preview", "small", "--out", "a/b", "--now", NOW).out for _ in range(2)]
    assert named[0] == named[1]
    files = sorted(path.name for path in (tmp_path / "a" / "b").iterdir())
    assert files == sorted(line.rpartition("/")[2] for line in named[0].splitlines())
    assert {"email.html", "email.txt", "email.eml", "slack.json", "report.json"} <= set(files)
    (tmp_path / "file").touch()
    blocked = terminal("preview", "small", "--out", "file", "--now", NOW)
    below = terminal("preview", "small", "--out", "file/below", "--now", NOW)
    assert (blocked.code, below.code) == (2, 2)
    assert "file/below can't be written" in below.err


def test_a_defect_in_one_digest_does_not_stop_the_next(
    terminal: Terminal,
    tmp_path: Path,
    connected: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from digest import charts  # noqa: PLC0415 — heavy, and this test's alone

    def defect(_specs: object) -> object:
        raise RuntimeError(KEY)

    real = charts.draw
    monkeypatch.setattr(charts, "draw", lambda specs: defect(specs) if specs else real(specs))
    connected["digests"]["drawn"] = connected["digests"]["mail-only"] | {"charts": ["sessions"]}
    write_config(tmp_path, connected)
    said = terminal("run", "drawn", "files-only", "--now", NOW)
    assert said.code == 1
    assert "drawn 2026-W47: internal error (RuntimeError)" in said.err
    assert "files-only 2026-W47: sent" in said.out
    assert KEY not in said.out + said.err
    assert "Traceback" not in said.err
    assert "Traceback" in terminal("--debug", "run", "drawn", "--now", NOW).err


@pytest.mark.parametrize("options", [(), ("-v",), ("--debug",), ("-v", "--debug")], ids=str)
def test_no_output_holds_a_key_or_what_the_server_said(
    terminal: Terminal,
    tmp_path: Path,
    options: tuple[str, ...],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PHASE_SHOP_KEY", "phase_canary_0123456789")
    echo = text_answer(500, "no phase_canary_0123456789 in SELECT * FROM api_keys")
    with HostileServer(echo) as server:
        write_config(tmp_path, config_of(server.url))
        said = terminal(*options, "run", "files-only", "--now", NOW)
        previewed = terminal(*options, "preview", "files-only", "--out", "p", "--now", NOW)
        online = terminal(*options, "check", "--online")
        sent = [seen.headers["authorization"] for seen in server.requests]
    assert set(sent) == {"Bearer phase_canary_0123456789"}
    assert (said.code, previewed.code, online.code) == (75, 75, 1)
    told = said.said + previewed.said + online.said + caplog.text
    for leaked in ("canary", "SELECT", "Traceback", "Bearer"):
        assert leaked not in told
