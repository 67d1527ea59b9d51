"""`--help`: what is listed, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from digest import __version__
from digest.cli.group import COMMANDS
from tests.support.cli import ROOT, process

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli import Terminal

BUILT = (
    "check",
    "preview",
    "run",
    "serve",
    "jobs",
    "status",
    "deliveries",
    "alerts",
    "test",
    "schema",
    "init",
    "backup",
    "purge",
    "recover",
    "sandbox",
    "demo",
)
HEAVY = [
    "aiosmtpd",
    "babel",
    "jinja2",
    "matplotlib",
    "numpy",
    "PIL",
    "pydantic",
    "requests",
    "slack_sdk",
    "sqlalchemy",
    "urllib3",
    "werkzeug",
    "yaml",
]


def listed(text: str) -> list[str]:
    """The commands in a help text."""
    _, _, rest = text.partition("Commands:\n")
    return [line.split()[0] for line in rest.partition("\n\n")[0].splitlines()]


def test_help_lists_the_commands_that_are_built_and_no_other(terminal: Terminal) -> None:
    said = terminal("--help")
    assert (said.code, said.err) == (0, "")
    assert listed(said.out) == list(BUILT) == list(COMMANDS)
    assert "..." not in said.out.partition("Commands:")[2], "a command's one line is cut off"


@pytest.mark.parametrize("name", BUILT)
def test_each_command_has_help_with_examples_on_lines_of_their_own(
    terminal: Terminal, name: str
) -> None:
    said = terminal(name, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out == terminal(name, "-h").out
    _, _, examples = said.out.partition("Example")
    shown = [line.strip() for line in examples.splitlines()[1:]]
    assert shown
    assert shown[0].startswith(f"digest {name}")
    assert "\\b" not in said.out


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("sandbox", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    script = (
        "import sys; from digest.cli import run_command_line; "
        f"code = run_command_line({arguments!r}); "
        f"print(code, *[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1] == "0"


def test_the_version_and_a_shell_s_completion_can_be_asked_for(tmp_path: Path) -> None:
    said = process("--version", cwd=tmp_path)
    assert (said.code, said.out) == (0, f"digest {__version__}\n")
    env = {"_DIGEST_COMPLETE": "bash_complete", "COMP_WORDS": "digest pre", "COMP_CWORD": "1"}
    assert process(cwd=tmp_path, env=env).out == "plain,preview\n"


def test_the_command_alone_shows_its_help_as_a_usage_error(terminal: Terminal) -> None:
    said = terminal()
    assert (said.code, said.out) == (2, "")
    assert listed(said.err) == list(BUILT)


def test_a_defect_is_one_sentence_unless_debug_is_asked_for(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(_self: object) -> str:
        raise RuntimeError("a secret that was in the way")

    (tmp_path / "config.yaml").write_text("{}")
    monkeypatch.setattr("digest.app.open_config", defect)
    plain, debugged = terminal("check"), terminal("--debug", "check")
    assert (plain.code, debugged.code) == (1, 1)
    assert len(plain.err.splitlines()) == 1
    assert "internal error (RuntimeError)" in plain.err
    assert "secret" not in plain.err
    assert "Traceback" in debugged.err
