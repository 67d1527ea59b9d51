"""`check`, `schema` and `init`, and where the config is looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

from tests.support.cli import ROOT, config_of, write_config
from tests.support.commands import NOW
from tests.support.hostile_http import HostileServer, closed_port, json_answer

if TYPE_CHECKING:
    from pathlib import Path

    from digest.sandbox.inbox import Inbox
    from digest.sandbox.server import PhaseSandbox
    from digest.sandbox.slack import SlackSandbox
    from tests.support.cli import Terminal

EXAMPLE_ENV = {"PHASE_SHOP_KEY": "k", "SMTP_PASSWORD": "p", "SLACK_BOT_TOKEN": "xoxb-1"}


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    return write_config(tmp_path, config_of("http://127.0.0.1:9"), "mine.yaml")


@pytest.mark.parametrize(
    "arguments",
    [("-c", "mine.yaml", "check"), ("check", "-c", "mine.yaml"), ("check", "--config=mine.yaml")],
    ids=" ".join,
)
@pytest.mark.usefixtures("nowhere")
def test_the_config_may_be_named_before_and_after_the_command(
    terminal: Terminal, arguments: tuple[str, ...]
) -> None:
    said = terminal(*arguments)
    assert (said.code, said.out, said.err) == (0, "OK\n", "")


def test_the_environment_names_the_config_and_the_command_line_beats_it(
    terminal: Terminal, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert terminal("check").code == 78
    monkeypatch.setenv("DIGEST_CONFIG", str(nowhere))
    assert terminal("check").code == 0
    assert terminal("check", "-c", "other.yaml").code == 78
    monkeypatch.setenv("DIGEST_CONFIG", "gone.yaml")
    said = terminal("check")
    assert said.code == 78
    assert "gone.yaml" in said.err
    assert terminal("check", "-c", nowhere).code == 0


def test_check_says_every_problem_with_its_place_and_no_ok(
    terminal: Terminal, tmp_path: Path
) -> None:
    config = config_of("http://127.0.0.1:9")
    config["digests"]["small"]["to"] = {"slck": ["#growth"]}
    config["timezone"] = "Europe/Berln"
    write_config(tmp_path, config)
    said = terminal("check")
    assert (said.code, said.out) == (78, "")
    lines = said.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("config.yaml:") for line in lines)
    assert any('(did you mean "slack"?)' in line for line in lines)
    assert any('(did you mean "Europe/Berlin"?)' in line for line in lines)


def test_check_warns_on_stderr_and_is_content(terminal: Terminal, tmp_path: Path) -> None:
    config = config_of("http://127.0.0.1:9", ops={"slack": ["#ops"]})
    config["apps"]["shop"]["api_key"] = "phase_literal_key"
    write_config(tmp_path, config)
    said = terminal("check")
    assert (said.code, said.out) == (0, "OK\n")
    assert "warning: apps.shop.api_key stands in the file itself" in said.err
    assert "phase_literal_key" not in said.err


def test_check_online_is_put_off_when_only_the_api_is_down(
    terminal: Terminal, tmp_path: Path, inbox: Inbox, slack: SlackSandbox
) -> None:
    with closed_port() as port:
        url = f"http://127.0.0.1:{port}/public-api/v1"
        write_config(tmp_path, config_of(url, smtp=inbox.port, slack=slack.base_url))
        said = terminal("check", "--online")
    assert said.code == 75
    assert "FAILED app shop" in said.err
    assert said.out.count("ok     channel") == 3
    assert (inbox.messages, slack.posts) == ([], [])


def test_check_online_finds_a_slack_that_is_none(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, inbox: Inbox
) -> None:
    with HostileServer(json_answer({"hello": "world"})) as other:
        write_config(tmp_path, config_of(phase.base_url, smtp=inbox.port, slack=f"{other.url}/api"))
        said = terminal("check", "--online")
    assert said.code == 1
    assert "FAILED channel slack" in said.err
    assert "OK" not in said.out.splitlines()


def test_the_schema_is_one_that_the_example_keeps(terminal: Terminal) -> None:
    said = terminal("schema")
    assert (said.code, said.err) == (0, "")
    jsonschema.Draft202012Validator.check_schema(said.json)
    example = yaml.safe_load((ROOT / "config.example.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(example, said.json)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(example | {"digestz": {}}, said.json)


def test_init_writes_a_config_that_passes_once_its_secrets_are_set(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert terminal("init").code == 0
    for name in EXAMPLE_ENV:
        monkeypatch.delenv(name, raising=False)
    said = terminal("check")
    assert said.code == 78
    assert all(f"{name} is not set" in said.err for name in EXAMPLE_ENV)
    for name, value in EXAMPLE_ENV.items():
        monkeypatch.setenv(name, value)
    said = terminal("check")
    assert (said.code, said.out, said.err) == (0, "OK\n", "")
    listed = terminal("jobs", "--json", "--now", NOW).json
    assert [job["name"] for job in listed] == ["monday-email", "daily-slack"]


def test_init_never_writes_over_a_file_unasked(terminal: Terminal, tmp_path: Path) -> None:
    mine = tmp_path / "config.yaml"
    mine.write_text("mine")
    said = terminal("init")
    assert (said.code, said.out) == (2, "")
    assert "config.yaml is already there" in said.err
    assert mine.read_text() == "mine"
    assert terminal("init", "--force").code == 0
    assert "digests:" in mine.read_text()
    said = terminal("init", "no/such/folder.yaml")
    assert said.code == 2
    assert "no/such/folder.yaml can't be written" in said.err
