from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import digest.channels
from digest.channels import build, kinds
from digest.errors import ConfigError


def test_every_module_of_the_folder_is_a_kind_and_nothing_else() -> None:
    folder = Path(digest.channels.__file__).parent
    there = {path.stem for path in folder.iterdir() if not path.name.startswith((".", "_"))}
    assert set(kinds()) == there == {"folder", "slack", "smtp"}


@pytest.mark.parametrize("kind", kinds())
def test_each_kind_names_itself_and_can_be_built(kind: str) -> None:
    factory = build(kind)
    assert kind == sys.modules[f"digest.channels.{kind}"].KIND
    assert callable(factory)


def test_an_unknown_kind_is_a_configuration_error_that_lists_the_kinds() -> None:
    with pytest.raises(ConfigError, match='no channel type "pigeon"; the types are folder, slack'):
        build("pigeon")


def test_private_modules_cannot_be_asked_for() -> None:
    with pytest.raises(ConfigError):
        build("_phrases")


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        pytest.param(
            "import digest.channels as c; c.kinds()", "digest.channels.smtp", id="listing kinds"
        ),
        pytest.param(
            "from digest.channels.slack import SlackSettings", "slack_sdk", id="slack settings"
        ),
        pytest.param(
            "from digest.channels.smtp import SmtpSettings", "smtplib", id="smtp settings"
        ),
        pytest.param(
            "import digest.channels as c; c.build('folder')", "slack_sdk", id="folder channel"
        ),
    ],
)
def test_only_what_is_needed_gets_imported(program: str, absent: str) -> None:
    check = f"{program}; import sys; assert {absent!r} not in sys.modules, {absent!r}"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_channels_log_no_fstrings_and_print_nothing() -> None:
    folder = Path(digest.channels.__file__).parent
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                logged = isinstance(node.func.value, ast.Name) and node.func.value.id == "logger"
                assert not (logged and isinstance(node.args[0], ast.JoinedStr)), path
                assert node.func.attr != "set_debuglevel", path
