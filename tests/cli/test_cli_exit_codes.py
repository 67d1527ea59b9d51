"""What the exit code says: 0 done, 1 a person is needed, 2 usage, 75 later, 78 configuration."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.cli import config_of, write_config
from tests.support.commands import KEY, NOW
from tests.support.hostile_http import HostileServer, answer, closed_port, json_answer
from tests.support.smtp_acts import reply
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from pathlib import Path

    from digest.sandbox.inbox import Inbox
    from digest.sandbox.server import PhaseSandbox
    from digest.sandbox.slack import SlackSandbox
    from tests.support.cli import Terminal


def one_sentence(text: str) -> str:
    """The one line that was said, which is no traceback."""
    (line,) = text.splitlines()
    assert "Traceback" not in line
    return line


def test_a_digest_that_reaches_everybody_is_done(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, inbox: Inbox, slack: SlackSandbox
) -> None:
    write_config(tmp_path, config_of(phase.base_url, smtp=inbox.port, slack=slack.base_url))
    said = terminal("run", "small", "--now", NOW)
    assert said.code == 0
    assert (len(inbox.messages), len(slack.posts)) == (1, 1)
    assert said.err == ""


def test_a_refused_key_needs_a_person(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(tmp_path, config_of(phase.base_url))
    monkeypatch.setenv("PHASE_SHOP_KEY", "TOKEN_REVOKED")
    before = len(phase.requests)
    said = terminal("run", "files-only", "daily", "--now", NOW)
    assert said.code == 1
    assert "was refused" in said.err
    assert "TOKEN_REVOKED" not in said.out + said.err
    assert len(phase.requests) == before + 1, "a key that was refused once is not tried again"
    assert not (tmp_path / "out").exists()


def test_a_mail_that_the_server_refuses_needs_a_person(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer(refuse={"ceo@example.com": "550 5.1.1 no such user"}) as server:
        write_config(tmp_path, config_of(phase.base_url, smtp=server.port))
        said = terminal("run", "mail-only", "--now", NOW)
    assert said.code == 1
    assert "failed     mail: ceo@example.com" in said.out
    assert "550" in said.out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("chek",), "did you mean 'check'?"),
        (("frobnicate",), "there is no command"),
        (("run",), "NAME"),
        (("run", "smal"), 'did you mean "small"?'),
        (("run", "small", "monday-emial"), 'did you mean "monday-email"?'),
        (("preview", "smal", "--out", "p"), 'did you mean "small"?'),
        (("preview", "small"), "--out"),
        (("run", "small", "--period", "2026-11"), "small is about a week; 2026-11 is a month"),
        (("run", "small", "--period", "2026-11-22"), "2026-11-22 is a day"),
        (("run", "daily", "--period", "2026-W47"), "daily is about a day"),
        (("run", "small", "--period", "last week"), "'last week' is not a day"),
        (("run", "small", "--period", "2026-W54"), "there is no period '2026-W54'"),
        (("run", "small", "--period", "9999-W52"), "there is no period"),
        (("run", "small", "--period", ""), "is not a day"),
        (("run", "small", "--to", "a@b@c"), "a@b@c"),
        (("run", "small", "--to", ""), "--to"),
        (("run", "small", "--to", "ceo"), "is not a Slack channel"),
        (("run", "small", "--now", "yesterday"), "is not an instant"),
        (("run", "small", "--now", "2026-11-23"), "needs a zone"),
        (("run", "small", "--now", "0001-01-01T00:00:00+14:00"), "is not between"),
        (("jobs", "--now", "9999-12-31T23:59:59-12:00"), "is not between"),
        (("jobs", "--next", "0"), "--next"),
        (("test", "mial", "--to", "a@example.com"), 'did you mean "mail"?'),
        (("test", "mail", "--to", "#growth"), "is not an e-mail address"),
        (("test", "slack"), "say where to"),
        (("test", "files", "--to", "../up"), "leads out"),
        (("run", "small", "--frce"), "--frce"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_does_not_exist_is_a_usage_error(
    terminal: Terminal, tmp_path: Path, arguments: tuple[str, ...], hint: str
) -> None:
    with closed_port() as port:
        write_config(tmp_path, config_of(f"http://127.0.0.1:{port}"))
        said = terminal(*arguments)
    assert said.code == 2
    assert said.out == ""
    assert hint in said.err
    assert "internal error" not in said.err


@pytest.mark.parametrize(
    ("to", "lacks"),
    [("me@example.com", "an SMTP"), ("#growth", "a Slack"), ("C0123456789", "a Slack")],
)
def test_to_needs_a_channel_that_can_take_it(
    terminal: Terminal, tmp_path: Path, to: str, lacks: str
) -> None:
    config = config_of("http://127.0.0.1:9")
    config["channels"] = {"files": config["channels"]["files"]}
    config["digests"] = {"files-only": config["digests"]["files-only"]}
    write_config(tmp_path, config)
    said = terminal("run", "files-only", "--to", to)
    assert said.code == 2
    assert f"needs {lacks} channel" in one_sentence(said.err)


def test_an_api_that_is_down_is_put_off_and_asked_no_more(
    terminal: Terminal, tmp_path: Path
) -> None:
    with closed_port() as port:
        write_config(tmp_path, config_of(f"http://127.0.0.1:{port}/public-api/v1"))
        said = terminal("run", "files-only", "daily", "--now", NOW, "--json")
    assert said.code == 75
    assert [(run["job"], run["state"]) for run in said.json["runs"]] == [
        ("files-only", "put_off"),
        ("daily", "put_off"),
    ]
    assert all("could not be reached" in run["error"] for run in said.json["runs"])


def test_a_server_that_asks_for_a_long_rest_is_put_off_at_once(
    terminal: Terminal, tmp_path: Path
) -> None:
    wait = json_answer({"error": "slow down"}, 429, {"Retry-After": "3600"})
    with HostileServer(wait) as server:
        write_config(tmp_path, config_of(server.url))
        said = terminal("run", "files-only", "daily", "--now", NOW)
        assert len(server.requests) == 1
    assert said.code == 75
    assert "3600 seconds" in said.err


@pytest.mark.parametrize(
    "script",
    [{"GREETING": [reply("421 4.3.2 closing")]}, {"RCPT": [reply("451 4.7.1 greylisted")]}],
    ids=["server", "recipient"],
)
def test_a_mail_server_in_passing_trouble_is_put_off(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, script: dict[str, Any]
) -> None:
    with SmtpServer(script) as server:
        write_config(tmp_path, config_of(phase.base_url, smtp=server.port))
        said = terminal("run", "mail-only", "--now", NOW)
    assert said.code == 75
    assert "retry_wait" in said.out


def test_a_mail_server_that_is_not_there_is_put_off(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with closed_port() as port:
        write_config(tmp_path, config_of(phase.base_url, smtp=port))
        said = terminal("run", "mail-only", "--now", NOW)
    assert said.code == 75
    assert "refused the connection" in said.out


@pytest.mark.parametrize(
    ("arguments", "ready"),
    [
        (("small", "--period", "2026-W48"), "2026-11-30T02:00Z"),
        (("daily", "--period", "2026-11-23"), "2026-11-24T02:00Z"),
        (("small", "--now", "2026-11-23T00:30:00Z"), "2026-11-23T02:00Z"),
    ],
    ids=["week", "day", "not settled"],
)
def test_a_period_that_is_not_over_is_put_off_without_a_request(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, arguments: tuple[str, ...], ready: str
) -> None:
    write_config(tmp_path, config_of(phase.base_url))
    before = len(phase.requests)
    now = () if "--now" in arguments else ("--now", NOW)
    said = terminal("run", *arguments, *now)
    assert said.code == 75
    assert said.out == ""
    assert ready in one_sentence(said.err)
    assert len(phase.requests) == before


def bad_template(config: dict[str, Any], folder: Path) -> None:
    (folder / "mine" / "email").mkdir(parents=True)
    (folder / "mine" / "email" / "digest.subject.j2").write_text("{{ appp }}", encoding="utf-8")
    config["templates"] = "./mine"


def unknown_key(config: dict[str, Any], _folder: Path) -> None:
    config["digests"]["small"]["shedule"] = "mon 08:00"


def unset_variable(config: dict[str, Any], _folder: Path) -> None:
    config["apps"]["shop"]["api_key"] = "${NOT_SET_ANYWHERE}"


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (bad_template, "digest.subject.j2"),
        (unknown_key, 'did you mean "schedule"?'),
        (unset_variable, "NOT_SET_ANYWHERE is not set"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_bad_config_is_78_and_says_where(
    terminal: Terminal, tmp_path: Path, spoil: Any, complaint: str
) -> None:
    config = deepcopy(config_of("http://127.0.0.1:9"))
    spoil(config, tmp_path)
    write_config(tmp_path, config)
    said = terminal("check")
    assert said.code == 78
    assert said.out == ""
    assert complaint in one_sentence(said.err)


@pytest.mark.parametrize(
    "arguments",
    [("check",), ("jobs",), ("run", "x"), ("preview", "x", "--out", "p"), ("test", "x")],
    ids=lambda value: value[0],
)
def test_no_config_at_all_is_78(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    said = terminal(*arguments, "-c", "nowhere.yaml")
    assert (said.code, said.out) == (78, "")
    assert "nowhere.yaml: there is no such file" in one_sentence(said.err)


def test_one_beats_75_and_no_digest_stops_another(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with closed_port() as port:
        config = config_of(phase.base_url, smtp=port)
        apps = config["apps"]
        apps["gone"] = apps["shop"] | {"app_id": "999"}
        config["digests"]["lost"] = config["digests"]["files-only"] | {"app": "gone"}
        write_config(tmp_path, config)
        said = terminal("run", "mail-only", "lost", "files-only", "--now", NOW, "--json")
    assert said.code == 1
    states = [(run["job"], run["state"]) for run in said.json["runs"]]
    assert states == [("mail-only", "put_off"), ("lost", "failed"), ("files-only", "sent")]
    assert list(tmp_path.glob("out/**/files-only/2026-W47/email.eml"))


def test_no_channel_stops_another(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, inbox: Inbox
) -> None:
    with HostileServer(answer(200, b'{"ok": false, "error": "invalid_auth"}')) as broken_slack:
        config = config_of(phase.base_url, smtp=inbox.port, slack=f"{broken_slack.url}/api")
        write_config(tmp_path, config)
        said = terminal("run", "small", "--now", NOW, "--json")
    assert said.code == 1
    (made,) = said.json["runs"]
    assert made["state"] == "partly_sent"
    assert {one["channel"]: one["state"] for one in made["deliveries"]} == {
        "mail": "sent",
        "slack": "failed",
        "files": "sent",
    }
    assert len(inbox.messages) == 1
    assert KEY not in said.out + said.err
